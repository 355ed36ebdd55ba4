"""All about one provisioning service; its policies are read when one key asks for it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult

from console.model.enrollment import ProvisioningInstance, ProvisioningPolicy
from console.model.errors import ConsoleError
from console.present.provisioning_pages import instance_page
from console.services.ports import Cancel
from console.ui.commands import BY_ID, Command, bindings, key_name
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import ConsoleScreen, CopyItem
from console.ui.panes.provisioning.messages import PoliciesTold
from console.ui.widgets.page import Page


class ServiceScreen(ConsoleScreen):
    """The page of a provisioning service."""

    PANE = "provisioning"
    SCOPES = ("service", "pane")
    BINDINGS = bindings("service", "pane")
    shows_age = False

    def __init__(self, instance: ProvisioningInstance) -> None:
        super().__init__()
        self.crumbs = (instance.name,)
        self._instance = instance
        self._policies: tuple[ProvisioningPolicy, ...] | None = None
        self._error: ConsoleError | None = None

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def offers(self, command: Command) -> bool:
        """Leave out what does nothing here: the service is as the pane read it."""
        return command.id != "pane.refresh" and super().offers(command)

    def command_service_policies(self) -> None:
        """Read the policies: a privileged read, noted in the journal first."""
        dps, instance = self.services.dps, self._instance

        def work(cancel: Cancel, post: Post) -> PoliciesTold:
            del post
            return PoliciesTold(tuple(dps.policies(instance, cancel=cancel)))

        self.status_note, self.shows_age = "reading the policies …", True
        self.console.jobs.start(self, "policies", work)
        self.update_chrome()

    @on(PoliciesTold)
    def take(self, message: PoliciesTold) -> None:
        """Show them."""
        self._policies, self._error = message.policies, None
        self._ended()

    def job_failed(self, message: JobFailed) -> None:
        """Say why they are not read."""
        self._error = message.error
        self._ended()

    def _ended(self) -> None:
        self.status_note, self.shows_age = "", False
        self.show()
        self.update_chrome()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page = self.query_one(Page)
        key = key_name(self.console.key_of(BY_ID["service.policies"]))
        words = f"{key} reads them: a privileged read (listKeys), noted in the journal. No key is shown."
        if self._error is not None:
            words = f"{self._error.sentence()} {key} tries again."
        host = self.services.session.hub_host
        page.show(instance_page(self._instance, host, self._policies, words, max(page.size.width - 1, 30)))

    def copy_items(self) -> list[CopyItem]:
        """Offer names and the page."""
        one = self._instance
        items = [("id scope", one.id_scope), ("service API", one.host), ("resource id", one.arm_id)]
        return [*items, ("page", self.query_one(Page).text())]
