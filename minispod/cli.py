"""Commands: flask create-admin, seed-catalog, seed-demo, proof, lifecycle, recipes, backups, settings-table."""

import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from flask import Flask
from flask.cli import AppGroup

from minispod.accounts import directory
from minispod.backups import keeping, retention
from minispod.backups.models import Backup, BackupPart, BackupStatus
from minispod.catalog.recipes import AppRecipe, RecipeBroken, load_recipe
from minispod.catalog.seeding import seed_catalog
from minispod.insights.proofs import owners_of
from minispod.instances import trying
from minispod.instances.creation import Size
from minispod.instances.manifests import InstanceSpec
from minispod.instances.provisioning import OutcomeKind, WorkOrder
from minispod.kernel.actor import Role, system
from minispod.kernel.errors import Conflict, NotFound, Refusal
from minispod.kernel.ids import parse_id
from minispod.kernel.paging import PageRequest
from minispod.kernel.unit_of_work import release_connection, unit_of_work
from minispod.onboarding.signup import register
from minispod.ports import current_ports, current_settings
from minispod.promotions.seeding import seed_coupons
from minispod.proof import render
from minispod.proof.errors import CouldNotProve
from minispod.proof.proving import Proof, prove
from minispod.rules import business_rules, cluster_rules
from minispod.subscriptions import queries
from minispod.tickets.seeding import seed_tickets
from minispod.wallet import ledger
from minispod.wallet.models import EntryKind, EntryType

_ACTOR = system("command line")
REMOVAL_SECONDS = 120.0
IMAGE_SECONDS = 300
_DEMO_ACCOUNTS = (
    ("Admin User", "admin@minispod.com", Role.ADMINISTRATOR, 1_000_000),
    ("Demo User", "user@minispod.com", Role.USER, 500_000),
)

lifecycle = AppGroup("lifecycle", help="The calendar of subscriptions.")
backups = AppGroup("backups", help="Copies of customers' data: docs/operations/backups.md.")
recipes = AppGroup("recipes", help="How applications are run: docs/recipes.md.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    commands = (create_admin, seed_catalog_command, seed_demo, proof, settings_table_command)
    for command in (*commands, lifecycle, recipes, backups):
        app.cli.add_command(command)


@click.command("create-admin")
@click.argument("email")
@click.option("--name", default="Administrator")
@click.password_option()
def create_admin(email: str, name: str, password: str) -> None:
    """Open an administrator's account."""
    _register(name, email, password, Role.ADMINISTRATOR)
    click.echo(f"{email} may now sign in at /admin.")


@click.command("seed-catalog")
def seed_catalog_command() -> None:
    """Put the standard catalogue on sale; repeating it changes nothing."""
    ports = current_ports()
    with unit_of_work(ports.courier):
        added = seed_catalog(actor=_ACTOR, at=ports.clock.now())
    click.echo(f"{added} rows added.")


@click.command("seed-demo")
def seed_demo() -> None:
    """Catalogue, demo accounts, coupons and tickets; refused in production, harmless when repeated."""
    if current_settings().is_production:
        raise click.ClickException("Demo accounts have a public password; production does not get them.")
    ports = current_ports()
    with unit_of_work(ports.courier):
        seed_catalog(actor=_ACTOR, at=ports.clock.now())
    for name, email, role, credit in _DEMO_ACCOUNTS:
        if directory.find_by_email(email) is None:
            _register(name, email, "password", role, credit=credit)
    with unit_of_work(ports.courier):
        seed_coupons(actor=_ACTOR, at=ports.clock.now())
    staff, customer = (directory.find_by_email(each[1]) for each in _DEMO_ACCOUNTS)
    if staff is not None and customer is not None:
        with unit_of_work(ports.courier):
            seed_tickets(customer, staff, at=ports.clock.now())
    click.echo("Demo data are in place.")


@click.command("proof")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the table.")
@click.option("--show", default=10, show_default=True, help="Differences shown of each check.")
@click.option("--patience", default=600.0, show_default=True, help="Seconds for all checks together.")
def proof(as_json: bool, show: int, patience: float) -> None:
    """Prove that money adds up. Writes nothing.

    Exit status 0: it does; 1: it does not; 2: it could not be found out.
    """
    try:
        proven = prove(current_ports().clock.now(), kept=max(0, show), patience=patience)
        told = render.as_json(proven) if as_json else render.as_table(proven, _page_for(proven))
    except CouldNotProve as refusal:
        click.echo(refusal.message, err=True)
        sys.exit(2)
    click.echo(told)
    if not proven.is_clean:
        sys.exit(1 if proven.differences else 2)


def _page_for(proven: Proof) -> render.Page:
    kept = [difference for finding in proven.findings for difference in finding.kept]
    owners = {user.id: f"{user.name} <{user.email}>" for user in owners_of(kept).values()}
    zone = ZoneInfo(current_settings().business.billing_timezone)
    return render.Page(shutil.get_terminal_size((100, 24)).columns, zone, owners)


@click.command("settings-table")
def settings_table_command() -> None:
    """Print the configuration table of the README."""
    from minispod.settings_table import render

    click.echo(render())


@lifecycle.command("preview")
def preview() -> None:
    """List the subscriptions whose calendar has something to do now, without doing it."""
    ids = queries.due(current_ports().clock.now())
    for subscription_id in ids:
        owned = queries.get_subscription(subscription_id, actor=_ACTOR)
        row = owned.subscription
        click.echo(f"{row.id}  {row.status.value:9}  {row.service.slug}  ends {row.ends_at:%Y-%m-%d %H:%M}Z")
    click.echo(f"{len(ids)} due.")


@recipes.command("check", with_appcontext=False)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check_recipes(files: tuple[Path, ...]) -> None:
    """Check recipe files; each mistake is told with its line, and makes the exit status 1."""
    broken = 0
    for file in files:
        try:
            recipe = load_recipe(file)
        except RecipeBroken as mistakes:
            click.echo(str(mistakes))
            broken += 1
        else:
            click.echo(f"{file.name}: {recipe.title} {recipe.version} is in order.")
    if broken:
        click.get_current_context().exit(1)


@recipes.command("try")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--memory", type=click.IntRange(16), help="Megabytes of the plan; the recipe's least by default."
)
@click.option(
    "--cpu", type=click.IntRange(10), default=1000, show_default=True, help="Millicores of the plan."
)
@click.option(
    "--storage", type=click.IntRange(1), default=1, show_default=True, help="Gigabytes of the plan."
)
@click.option(
    "--patience", type=float, help="Seconds until it must be ready; by default its start and 300 for images."
)
@click.option("--language", type=click.Choice(["en", "id"]), default="en", show_default=True)
@click.option("--stay", is_flag=True, help="When it is ready, wait for Enter before removing it.")
def try_recipe(
    file: Path,
    memory: int | None,
    cpu: int,
    storage: int,
    patience: float | None,
    language: str,
    stay: bool,
) -> None:
    """Run a recipe on the configured cluster in a namespace of its own, and remove it, also on Ctrl-C."""
    try:
        recipe = load_recipe(file)
    except RecipeBroken as mistakes:
        raise click.ClickException(str(mistakes)) from None
    settings = current_settings()
    size = Size(cpu, memory or recipe.min_memory_mb, storage)
    addresses = business_rules(settings).addresses
    at = current_ports().clock.now()
    spec, order = trying.trial_of(recipe, size, rules=cluster_rules(settings), addresses=addresses, at=at)
    click.echo(f"Trying {recipe.title} {recipe.version} with {size.memory_mb} MB in {spec.namespace} ...")
    is_interrupted = is_gone = False
    with _ended_like_ctrl_c():
        try:
            seconds = patience if patience is not None else recipe.start_seconds + IMAGE_SECONDS
            _show_trial(recipe, spec, order, patience=seconds, language=language, stay=stay)
        except KeyboardInterrupt:
            is_interrupted = True
            click.echo("Interrupted.")
        finally:
            is_gone = _remove_trial(spec)
    if is_interrupted or not is_gone:
        click.get_current_context().exit(130 if is_interrupted else 1)


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """A closed terminal and a polite end are interruptions too: what was made is removed."""
    before = {
        each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _show_trial(
    recipe: AppRecipe, spec: InstanceSpec, order: WorkOrder, *, patience: float, language: str, stay: bool
) -> None:
    told, outcome = "", None
    for outcome in trying.bring_up(order, current_ports().cluster, patience=patience):
        if outcome.sentence and outcome.sentence != told:
            told = outcome.sentence
            click.echo(told)
    if outcome is None or outcome.kind is not OutcomeKind.DONE:
        raise click.ClickException(f"{recipe.title} did not become ready.")
    where = spec.public_url if recipe.expose == "http" else f"{spec.facts['inside_host']}:{recipe.port}"
    click.echo(f"Ready at {where}\n\n{trying.how_to_get_in(spec, language)}\n")
    if stay:
        click.echo("Press Enter to remove it.")
        sys.stdin.readline()


def _remove_trial(spec: InstanceSpec) -> bool:
    click.echo("Removing it ...")
    is_gone = False
    try:
        is_gone = trying.remove(spec, current_ports().cluster, patience=REMOVAL_SECONDS)
    except Refusal as refusal:
        click.echo(refusal.message, err=True)
    except KeyboardInterrupt:  # a person who cannot wait is told what is left
        click.echo("Interrupted.")
    click.echo("Removed." if is_gone else f"Not everything is gone; delete the namespace {spec.namespace}.")
    return is_gone


@backups.command("list")
@click.option("--instance", default="", help="Only instances whose name contains this.")
@click.option("--newest", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
def list_backups(instance: str, newest: int) -> None:
    """List backups, newest first, each with its files and the public key they are encrypted to."""
    found = keeping.list_everything(PageRequest(1, newest), search=instance)
    for backup, owner in found.items:
        state = "removed" if backup.removed_at else backup.status.value.lower()
        click.echo(
            f"{backup.id}  {backup.taken_at:%Y-%m-%d %H:%M}Z  {state:7}  {backup.reason.value:14}  {owner.name}"
            f"{'  ' + backup.error if backup.error else ''}"
        )
        for part in keeping.parts_of(backup.id):
            click.echo(f"    {part.name:15}  {part.plain_size:>15,} bytes  {part.recipient}")
    click.echo(f"{len(found.items)} of {found.total}.")


@backups.command("fetch")
@click.argument("backup_id")
@click.argument("part")
def fetch_backup(backup_id: str, part: str) -> None:
    """Write one file of a backup, decrypted, to the standard output; only exit status 0 means that it is whole."""
    out = sys.stdout.buffer
    if sys.stdout.isatty():
        raise click.ClickException("This would fill your screen; redirect it: ... > FILE")
    with _told():
        found = next((each for each in _files_of(backup_id)[1] if each.name == part), None)
        if found is None:
            raise NotFound(f"This backup has no file {part}.")
        release_connection()
        for chunk in current_ports().vault.fetch(found):
            out.write(chunk)
        out.flush()


@backups.command("verify")
@click.argument("backup_id")
def verify_backup(backup_id: str) -> None:
    """Read all files of a backup to their end; the exit status is 1 unless all are whole."""
    broken = 0
    with _told():
        backup, parts = _files_of(backup_id)
        release_connection()
        for part in parts:
            try:
                for _ in current_ports().vault.fetch(part):
                    pass
            except Conflict as damage:
                broken += 1
                click.echo(f"{part.name}: {damage.message}")
            else:
                click.echo(f"{part.name}: whole, {part.plain_size:,} bytes")
    if broken or not parts or backup.status is not BackupStatus.DONE:
        raise click.ClickException("This backup cannot be restored.")


@backups.command("prune")
def prune_backups() -> None:
    """Remove now what is over and what a crash left, as the clock does by itself."""
    ports = current_ports()
    removed = 0
    with _told():
        while due := retention.expired(ports.clock.now()):
            release_connection()
            for removal in due:
                retention.remove_files(removal, ports.vault)
                with unit_of_work():
                    retention.mark_removed(removal.backup_id, ports.clock.now())
            removed += len(due)
        release_connection()
        strays = retention.strays(ports.object_store.list(keeping.PREFIX), ports.clock.now())
        release_connection()
        for key in strays:
            ports.vault.delete(key)
    click.echo(f"{removed} backups and {len(strays)} stray files removed.")


def _files_of(backup_id: str) -> tuple[Backup, Sequence[BackupPart]]:
    backup = keeping.get_backup(parse_id(backup_id), actor=_ACTOR)
    if backup.removed_at:
        raise NotFound(f"The files of this backup were removed on {backup.removed_at:%Y-%m-%d}.")
    return backup, keeping.parts_of(backup.id)


@contextmanager
def _told() -> Iterator[None]:
    """A refusal is a sentence at the terminal and exit status 1."""
    try:
        yield
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from None


def _register(name: str, email: str, password: str, role: Role, *, credit: int = 0) -> None:
    ports, settings = current_ports(), current_settings()
    at = ports.clock.now()
    try:
        with unit_of_work(ports.courier):
            user, _ = register(
                name=name,
                email=email,
                password=password,
                role=role,
                bcrypt_rounds=settings.tokens.bcrypt_rounds,
                frontend_url=settings.web.frontend_url,
                actor=_ACTOR,
                at=at,
            )
            if credit:
                posting = ledger.Posting(
                    EntryType.ADMIN_ADJUSTMENT, EntryKind.OPENING, str(user.id), "Demo credit"
                )
                ledger.credit(user.id, credit, posting, actor=_ACTOR, at=at)
    except Refusal as refusal:
        raise click.ClickException(refusal.message) from None
