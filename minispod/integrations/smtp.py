"""The Mailer on SMTP. A repeat carries the same Message-ID, so that receivers can drop it."""

import smtplib
import ssl
from collections.abc import Iterable
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, localtime

from minispod.kernel.unit_of_work import refuse_inside_unit_of_work
from minispod.notifications.mailer import Attachment, Mail, MailRefused, MailUnavailable
from minispod.settings.groups import MailSettings

_SECONDS = 10


class SmtpMailer:
    """Sends one mail per connection; volumes are small and servers dislike idle ones."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    def send(self, mail: Mail) -> None:
        """Hand over one mail; raise MailUnavailable (4xx, no answer) or MailRefused (5xx)."""
        refuse_inside_unit_of_work()
        settings = self._settings
        if not settings.smtp_host:
            raise MailUnavailable("No mail server is configured (SMTP_HOST).")
        message = self._message(mail)
        try:
            with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_SECONDS) as server:
                if settings.smtp_starttls:
                    server.starttls(context=ssl.create_default_context())
                if settings.smtp_user:
                    server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
                # Not before somebody listens: while the server is away, every attempt would draw for nothing.
                _attach(message, mail.attachments)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise _refusal(max(codes)) from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code) from None
        except (OSError, smtplib.SMTPException):
            raise MailUnavailable() from None

    def _message(self, mail: Mail) -> EmailMessage:
        try:
            return self._addressed(mail)
        except ValueError:  # also what is no ASCII in an address: most servers would not take it
            raise MailRefused("The message cannot be addressed.") from None

    def _addressed(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._settings.mail_from
        message["To"] = formataddr((_one_line(mail.to_name), mail.to_address))
        message["Subject"] = _one_line(mail.subject)
        message["Message-ID"] = mail.message_id
        message["Date"] = format_datetime(localtime())
        message["Auto-Submitted"] = "auto-generated"
        for name, value in mail.headers.items():
            message[name] = value
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


def _attach(message: EmailMessage, files: Iterable[Attachment]) -> None:
    for each in files:
        maintype, _, subtype = each.content_type.partition("/")
        try:
            content = each.draw()
        except OSError as error:  # a font or a logo that is not there is no silence of the mail server
            raise RuntimeError(f"{each.name} could not be drawn") from error
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=each.name)


def _one_line(text: str) -> str:
    """A header is one line, whatever a name contains."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _refusal(code: int) -> MailRefused | MailUnavailable:
    return (
        MailRefused(f"The mail server answered {code}.")
        if code >= 500
        else MailUnavailable(f"The mail server answered {code}.")
    )
