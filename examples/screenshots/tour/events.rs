//! The dashboard, what was rejected, and one event.

use anyhow::Result;

use crate::camera::{Camera, Extent};
use crate::tour::Tour;

impl<C: Camera> Tour<'_, C> {
    pub(super) async fn events(&mut self, event: &str) -> Result<()> {
        self.page("/events", "events", "Events").await?;
        self.press(".page-head details:has(#fields) > summary").await?;
        self.camera.take("events-export-menu", "Events, export", Extent::Window).await?;
        self.go("/events").await?;
        self.press(".page-head details:has(#columns) > summary").await?;
        self.camera.take("events-columns-menu", "Events, columns", Extent::Window).await?;
        self.go("/events").await?;
        self.press(".as-table summary").await?;
        self.see(".as-table table").await?;
        self.here("events-chart-as-table", "Events, the chart as a table").await?;
        self.go("/events").await?;
        self.driver.action_chain().send_keys("l").perform().await?;
        self.camera.take("events-paused", "Events, live updates paused", Extent::Window).await?;
        self.page("/events?fields=type,order,header.user-agent", "events-columns", "Events with columns").await?;
        self.go("/events").await?;
        self.press(".site-header details.menu > summary").await?;
        self.camera.take("account-menu", "Account menu", Extent::Window).await?;
        self.go("/events").await?;
        self.driver.action_chain().send_keys("?").perform().await?;
        self.see("dialog[open]").await?;
        self.camera.take("shortcuts", "Keyboard shortcuts", Extent::Window).await?;
        self.go(&format!("/events?peek={event}")).await?;
        self.see("#peek .tree").await?;
        self.camera.take("events-peek", "Events, one beside the list", Extent::Window).await?;
        self.go("/events").await?;
        self.press(".events-table tbody tr:first-child .pick").await?;
        self.see("#pick").await?;
        self.camera.take("events-selected", "Events, one selected", Extent::Window).await?;
        self.press("#pick button.danger").await?;
        self.see("ul[aria-label='Selected events']").await?;
        self.here("events-selected-deletion", "Delete selected events").await?;
        self.page("/events?since=7d&q=total+exists", "events-chart-of-search", "Events, the chart of a search").await?;
        self.page("/events?overview=30d", "events-30-days", "Events, the last 30 days").await?;
        self.page("/events?q=HB-2214&since=24h", "events-filtered", "Events, filtered").await?;
        self.dialog("/events?q=HB-2214&saved=1", "events-saved-dialog", "Saved searches, with nothing saved").await?;
        self.enter("#saved-name", "Hull").await?;
        self.press("#saved form button.primary").await?;
        self.see(".notice.ok").await?;
        self.here("events-saved", "Events, a search saved").await?;
        self.dialog("/events?q=HB-2214&saved=1", "events-saved-one-dialog", "Saved searches").await?;
        self.go("/events").await?;
        self.press("#q").await?;
        self.driver.action_chain().send_keys("t").perform().await?;
        self.see(".completions li").await?;
        self.camera.take("events-completions", "Events, fields suggested", Extent::Window).await?;
        self.page("/events?q=anchor+chain&since=1h", "events-no-match", "Events, no match").await?;
        self.page("/events?since=2026-01-01T00:00&until=2099-01-01", "events-custom-range", "Events, custom range")
            .await?;
        self.page("/events?since=yesterday", "events-bad-filter", "Events, a filter that makes no sense").await?;
        self.page("/events/deletion?since=24h", "events-deletion", "Delete events").await?;
        self.press("main form button.danger").await?;
        self.see("#confirmation-error").await?;
        self.here("events-deletion-error", "Delete events, not confirmed").await?;
        self.page("/events/deletion?q=INV-20414", "events-deletion-of-one", "Delete the events of a search").await?;
        let asked = self.see("label[for=confirmation] b").await?.text().await?;
        self.enter("#confirmation", &asked).await?;
        self.press("main form button.danger").await?;
        self.see("#progress .notice.ok").await?;
        self.here("events-deletion-done", "Delete events, done").await?;
        self.page("/events/rejections", "rejections", "Rejected attempts").await?;
        self.press("details.reason > summary").await?;
        self.here("rejections-explained", "Rejected attempts, a reason explained").await?;
        self.press("#rejected td.first a").await?;
        self.see("#next-title").await?;
        self.here("rejection", "A rejected attempt").await?;
        self.page("/events/rejections?group=address", "rejections-by-address", "Rejected attempts by address").await?;
        self.page("/events/rejections?group=address&q=nobody", "rejections-no-match", "Rejected attempts, no match")
            .await?;
        self.page("/events/rejections?reason=invalid_json", "rejections-of-reason", "Rejected attempts for one reason")
            .await?;

        let path = format!("/events/{event}");
        self.page(&path, "event", "Event, as a tree").await?;
        self.press("label[for=view-raw]").await?;
        self.here("event-raw", "Event, raw").await?;
        self.press("label[for=view-headers]").await?;
        self.here("event-headers", "Event, headers").await?;
        self.press("label[for=view-tree]").await?;
        self.press(".tree .j-k[href]").await?;
        self.see(".tree .value-bar").await?;
        self.here("event-value", "Event, one value").await?;
        self.go(&path).await?;
        self.press(".tree a[href*='in=']").await?;
        self.see(".tree-hint code").await?;
        self.here("event-text-as-json", "Event, a text read as JSON").await?;
        self.page(&format!("{path}/comparison"), "event-comparison", "Event, compared with the one before").await?;
        self.dialog(&format!("{path}?delete=1"), "event-delete-dialog", "Delete an event").await
    }
}
