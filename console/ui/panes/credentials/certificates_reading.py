"""Reading certificates from the keyboard: what a file or host holds, its chain, what is wrong, whether it lets in."""

from __future__ import annotations

from console.model.secret import Secret
from console.present.lines import Line
from console.present.pages import BLANK
from console.services.ports import Cancel
from console.ui.dialogs.form import Answer
from console.ui.jobs import Post
from console.ui.panes.credentials import certificates_forms as forms
from console.ui.panes.credentials.certificates_base import CertificateBase
from console.ui.panes.credentials.certificates_messages import PageMade


class ReadingTools(CertificateBase):
    """The commands that only read; what they find is a page."""

    def command_certificates_inspect(self) -> None:
        """Ask what to inspect."""
        inspector, clock = self.credentials, self.services.clock

        def take(answer: Answer | None) -> None:
            if answer is None or not (source := str(answer["source"])):
                return

            def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> PageMade:
                del post
                from console.present.certificates import inspected_lines

                held = inspector.inspector.inspect(source, passphrase=passphrase, cancel=cancel)
                return PageMade("inspect", lambda width: inspected_lines(held, clock(), width))

            self.attempt(f"reading {source}", work, source)

        self.app.push_screen(forms.source_form("WHAT IS IN IT?", "Inspect", self.file_of_selected()), take)

    def command_certificates_verify(self) -> None:
        """Ask what to verify, and whom to trust."""
        inspector, clock = self.credentials, self.services.clock

        def take(answer: Answer | None) -> None:
            if answer is None or not (source := str(answer["source"])):
                return
            roots, at_hub = (str(answer["root"]),) if answer["root"] else (), bool(answer["hub"])

            def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> PageMade:
                del post
                from console.present.certificates import tree_lines

                verdict = inspector.inspector.verify(
                    source, roots=roots, at_hub=at_hub, passphrase=passphrase, cancel=cancel
                )
                return PageMade("verify", lambda width: tree_lines(verdict, clock(), width))

            self.attempt(f"verifying {source}", work, source)

        form = forms.verify_form(self.chain_of_selected(), hub=not self.services.session.data_plane_only)
        self.app.push_screen(form, take)

    def command_certificates_lint(self) -> None:
        """Ask what to look at."""
        inspector = self.credentials

        def take(answer: Answer | None) -> None:
            if answer is None or not (source := str(answer["source"])):
                return
            device, upload, at_hub = str(answer["device"]), bool(answer["upload"]), bool(answer["hub"])

            def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> PageMade:
                del post
                from console.present.certificates import lint_lines

                found = inspector.inspector.lint(
                    source, device_id=device, at_hub=at_hub, for_upload=upload, passphrase=passphrase, cancel=cancel
                )

                def build(width: int) -> list[Line]:
                    return [((f" {source}", "head"),), BLANK, *lint_lines(found, width)]

                return PageMade("lint", build)

            self.attempt(f"looking at {source}", work, source)

        row = self.selected()
        device = row.record.device_id if row is not None else ""
        hub = not self.services.session.data_plane_only
        self.app.push_screen(forms.lint_form(self.chain_of_selected(), self.device_id or device, hub=hub), take)

    def command_certificates_compare(self) -> None:
        """Ask which certificate and which device."""
        other = self.device_id and self.device_id != self._device_selected()
        source = "" if other else self.chain_of_selected(leaves_only=True)
        self.app.push_screen(forms.compare_form(self.device_of_selected(), source), self._compare)

    def _device_selected(self) -> str:
        row = self.selected()
        return row.record.device_id if row is not None else ""

    def _compare(self, answer: Answer | None) -> None:
        if answer is None or not (source := str(answer["source"])):
            return
        inspector, device = self.credentials, str(answer["device"])

        def work(passphrase: Secret | None, cancel: Cancel, post: Post) -> PageMade:
            del post
            from console.present.certificates import comparison_lines

            found = inspector.inspector.compare(source, device, passphrase=passphrase, cancel=cancel)
            return PageMade("compare", lambda width: comparison_lines(found, width))

        self.attempt(f"comparing with {device}", work, source)
