"""`hubwarden access roles`: the roles there are, what is wrong with them, and one plan that puts it right."""

from __future__ import annotations

import shutil
from dataclasses import replace

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.output import print_json, print_table
from console.model.errors import ConsoleError, ErrorKind
from console.model.home import home_path
from console.model.role import Correction, RoleDefinition, RoleFile, RoleFinding
from console.model.text import clean

FOUND = 1
_NARROWEST, _WIDEST = 40, 100


@click.command()
@click.option("--custom", is_flag=True, help="Only custom roles.")
@click.option("--lint", is_flag=True, help="What is wrong: in a file, or in the hub's custom roles and assignments.")
@click.option("--fix", is_flag=True, help="With --lint: plan the corrected role; --yes makes it.")
@click.option("--file", "source", default="", metavar="FILE", help="Role definitions: Azure CLI's, REST's, a template.")
@click.option("--name", default="", help="With --file: the role's name, instead of the file's.")
@click.option(
    "--assignable-scope", "scopes", multiple=True, metavar="SCOPE", help="With --file: instead of the file's."
)
@change_options
@click.pass_obj
def roles(
    settings: Settings,
    custom: bool,
    lint: bool,
    fix: bool,
    source: str,
    name: str,
    scopes: tuple[str, ...],
    options: ChangeOptions,
) -> int:
    """List the roles that can be assigned on the hub, or find what is wrong with them (--lint).

    With --lint --file nothing but the file is read, and what in it is not understood is a finding as well. Exit code 1
    when something was found; that nobody here can tell which principals are gone does not count. With --fix the exit
    code is the plan's, as of any change.
    """
    if fix and not lint:
        raise _usage("--fix goes with --lint")
    if source and not lint:
        raise _usage("--file goes with --lint; a role is made of a file by: hubwarden access create-role --file FILE")
    if options.yes and not fix:
        raise _usage("--yes goes with --lint --fix")
    if (name or scopes) and not source:
        raise _usage("--name and --assignable-scope go with --file")
    if custom and lint:
        raise _usage("--custom goes without --lint, which looks at custom roles alone")
    if not lint:
        return _list(settings, custom, options)
    if source:
        return _lint_file(settings, read_role_file(source, name, scopes), fix, options)
    return _lint_hub(settings, fix, options)


def read_file(source: str, name: str, scopes: tuple[str, ...]) -> RoleDefinition:
    """Return the one role in a file, with another name and other scopes where they are given; `-` is standard input.

    Raises ConsoleError for a file that is not understood whole.
    """
    from console.rules.rbac_reading import read_role

    what = f"The file {clean(source, limit=200)}"
    return _renamed(read_role(_text(source, what), what), name, scopes)


def read_role_file(source: str, name: str, scopes: tuple[str, ...]) -> RoleFile:
    """Return every role in a file, with what in it is not understood."""
    from console.rules.rbac_reading import read_roles

    what = f"The file {clean(source, limit=200)}"
    found = read_roles(_text(source, what), what)
    if (name or scopes) and len(found.roles) != 1:
        raise _usage(f"--name and --assignable-scope go with one role; the file holds {len(found.roles)}")
    return replace(found, roles=tuple(replace(one, role=_renamed(one.role, name, scopes)) for one in found.roles))


def _text(source: str, what: str) -> str:
    import sys

    from console.rules.rbac_reading import MAX_BYTES, decoded

    try:
        if source == "-":
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with home_path(source).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{what} cannot be read", why, "Check the path", code="usage") from None
    return decoded(raw, what)


def _renamed(role: RoleDefinition, name: str, scopes: tuple[str, ...]) -> RoleDefinition:
    other = clean(name)
    if other and other.casefold() != role.name.casefold():
        role = replace(role, name=other, guid="")  # another role is meant, not a new name for the one in the file
    return replace(role, assignable_scopes=scopes or role.assignable_scopes)


def _list(settings: Settings, custom: bool, options: ChangeOptions) -> int:
    from console.cli.access_json import roles_json
    from console.present.access import plane_word

    services = settings.services()
    found = services.access.roles(custom)
    if options.as_json:
        print_json(roles_json(services.clock(), found))
        return 0
    rows = [
        (one.name, "custom" if one.custom else "Azure's", plane_word(one), one.guid, clean(one.description, limit=60))
        for one in found
    ]
    print_table(("ROLE", "KIND", "GRANTS", "ID", "DESCRIPTION"), rows)
    return 0


def _lint_file(settings: Settings, file: RoleFile, fix: bool, options: ChangeOptions) -> int:
    from console.rules.rbac_correction import correction, fixable, lint_file, refusal

    found = lint_file(file)
    if fix:
        wrong = [one for one in file.roles if fixable(one)] or list(file.roles)
        for one in wrong:
            if file.findings or (why := refusal(one)):
                raise _not_put_right(one.role.name, file.findings[0].message if file.findings else why)
        services = settings.services()
        if not options.as_json:
            print_findings(found)
        return carry_out(services, [services.access.plan_fix(one.role, options.reason) for one in wrong], options)
    right = [(one.role.name, correction(one)) for one in file.roles]
    if options.as_json:
        from datetime import UTC, datetime

        from console.cli.access_json import lint_json

        print_json(lint_json(datetime.now(UTC), found, right, file.aside))
        return _code(found)
    print_findings(found)
    _print_corrections(right)
    if not found:
        what = "it" if len(file.roles) == 1 else f"any of the {len(file.roles)} roles"
        click.echo(f"Nothing is wrong with {what}", err=True)
    if file.aside:
        click.echo(f"Not looked at, for it is no role definition: {', '.join(file.aside)}", err=True)
    return _code(found)


def _print_corrections(right: list[tuple[str, Correction]]) -> None:
    made = [(name, one) for name, one in right if one.definition is not None]
    for name, one in made:
        which = f" of {clean(name, limit=120)}" if len(right) > 1 else ""
        form = f", in REST's form, for {one.note}" if one.note else ""
        click.echo(f"\nThe corrected definition{which}{form}:")
        print_json(one.definition or {})
    for name, one in right:
        if one.refused:
            which = f" of {clean(name, limit=120)}" if len(right) > 1 else ""
            click.echo(f"No corrected definition{which}: {one.refused}", err=True)
    if made:
        click.echo("To create or correct it in one go, add --fix (a plan first; --yes makes it)", err=True)


def _not_put_right(name: str, why: str) -> ConsoleError:
    what = f"The role {clean(name, limit=120) or 'in the file'} is not put right"
    hint = "See what was found: hubwarden access roles --lint --file FILE"
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")


def _lint_hub(settings: Settings, fix: bool, options: ChangeOptions) -> int:
    from console.rules.rbac_lint import corrected

    services = settings.services()
    found = services.access.lint()
    if fix:
        wrong = [
            one for one in services.access.roles(custom_only=True) if corrected(one).permissions != one.permissions
        ]
        if not options.as_json:
            print_findings(found)
        if found and not wrong and not options.as_json:
            click.echo("None of this is put right by a corrected role: it is for people to decide", err=True)
            return _code(found)
        code = carry_out(services, [services.access.plan_fix(one, options.reason) for one in wrong], options)
        return code if wrong else _code(found)
    if options.as_json:
        from console.cli.access_json import lint_json

        print_json(lint_json(services.clock(), found))
        return _code(found)
    print_findings(found)
    return _code(found)


def _code(found: tuple[RoleFinding, ...]) -> int:
    """Return 1 when something was found; what is never known here would make a clean hub impossible."""
    return FOUND if any(one.code != "orphan-unknown" for one in found) else 0


def print_findings(found: tuple[RoleFinding, ...]) -> None:
    """Write findings: severity, which, of what, and below it the sentence, the entries and what to do."""
    from console.present.lines import wrap

    width = max(_NARROWEST, min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST))
    for one in found:
        subject = f"  {one.role}" if one.role else ""
        click.echo(f"{one.severity.value.upper():<6} {one.code}{subject}")
        texts = [one.message, *(f"- {entry}" for entry in one.entries[:12])]
        if len(one.entries) > 12:
            texts.append(f"- and {len(one.entries) - 12} more")
        if one.hint:
            texts.append(f"next: {one.hint}")
        for text in texts:
            for line in wrap(clean(text), width - 7):
                click.echo(f"       {line}".rstrip())
    count = len(found)
    click.echo(f"{count} finding{'' if count == 1 else 's'}", err=True)


def _usage(text: str) -> click.UsageError:
    return click.UsageError(text)
