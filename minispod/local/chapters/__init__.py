"""The chapters of the story. Each is a function of the visit: it plays its steps and leaves behind what others need."""
