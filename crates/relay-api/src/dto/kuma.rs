//! The JSON of Uptime Kuma's public status pages (`server/routers/status-page-router.js` there), which other consoles
//! read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// A status page.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KumaPageDto<'a> {
    pub(crate) config: KumaConfigDto<'a>,
    pub(crate) incident: Option<()>,
    #[serde(rename = "publicGroupList")]
    pub(crate) public_group_list: Vec<KumaGroupDto<'a>>,
    #[serde(rename = "maintenanceList")]
    pub(crate) maintenance_list: [(); 0],
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KumaConfigDto<'a> {
    pub(crate) slug: &'static str,
    pub(crate) title: &'a str,
    pub(crate) description: Option<&'a str>,
    pub(crate) icon: &'static str,
    pub(crate) theme: &'static str,
    pub(crate) published: bool,
    pub(crate) show_tags: bool,
    pub(crate) footer_text: Option<&'a str>,
    pub(crate) show_powered_by: bool,
    /// Seconds.
    pub(crate) auto_refresh_interval: u64,
}

/// The monitors of one provider.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KumaGroupDto<'a> {
    pub(crate) id: u64,
    pub(crate) name: &'a str,
    pub(crate) weight: usize,
    pub(crate) monitor_list: Vec<KumaMonitorDto>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KumaMonitorDto {
    /// The same for the same monitor on every server, below 2^48.
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) send_url: u8,
    pub(crate) r#type: &'static str,
}

/// The newest results of every monitor, oldest first, and its uptime.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KumaBeatsDto {
    /// By the id of the monitor.
    pub(crate) heartbeat_list: BTreeMap<u64, Vec<KumaBeatDto>>,
    /// By the id of the monitor and `_24`: 0 to 1, over a day; none without data.
    pub(crate) uptime_list: BTreeMap<String, f64>,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KumaBeatDto {
    /// 1 up, 0 down.
    pub(crate) status: u8,
    /// `YYYY-MM-DD HH:MM:SS.000`, UTC.
    pub(crate) time: String,
    pub(crate) msg: String,
    /// Milliseconds, null when there was no answer.
    pub(crate) ping: Option<u32>,
}
