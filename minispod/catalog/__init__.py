"""What is for sale: categories, services, plans, their slots, and the recipes behind them."""
