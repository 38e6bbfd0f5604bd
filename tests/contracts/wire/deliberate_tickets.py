"""The reviewed list's part about tickets; see `deliberate`."""

_TICKET = r"data(\.tickets\[\])?"

ADDITIONS = {
    rf"{_TICKET}\.(priority|answerDueAt|firstAnsweredAt)": "frontend F2: how soon a ticket is answered is told, too",
    rf"{_TICKET}\.(instanceId|unreadCount|closedByName)": "frontend N3: who closed a ticket has a name, too",
    r"data\.instanceState": "frontend F4: a ticket about an instance carries how that was",
    r"data\._count": "frontend F2: every answer has the row that the list has",
    rf"{_TICKET}\.user\.avatar": "frontend N2: the front end reads it",
    r"data(\.messages\[\])?\.author\.avatar": "frontend F4: the front end reads it",
    r"data\.recentTickets": "frontend F1: the tile of the last 24 hours is blank there",
    r"data\.(unreadTickets|waitingTickets|overdueTickets|firstAnswers)": (
        "frontend N1: what waits is counted beside what there is"
    ),
}

# The arguments of each `Deliberate`.
LIST = (
    (
        "data.attachments[].storedName: missing",
        "frontend F4: names and paths of the store are not told",
        "tickets__create_with_attachment",
        "tickets__detail_with_attachment",
    ),
    (
        "data.attachments[].filePath: missing",
        "frontend F4: names and paths of the store are not told",
        "tickets__create_with_attachment",
        "tickets__detail_with_attachment",
    ),
    (
        "status: 400 instead of 500",
        "fault 52: a file of another type is a refusal, no failure",
        "tickets__create_bad_attachment_type",
    ),
    (
        "status: 200 instead of 400",
        "fault 51: closing many never works there",
        "admin_tickets__bulk_close",
    ),
    ("status: 200 instead of 400", "fault 51: a user's tickets never open there", "admin_tickets__by_user"),
    ("status: 200 instead of 400", "fault 53: staff may search", "admin_tickets__list_search"),
)
