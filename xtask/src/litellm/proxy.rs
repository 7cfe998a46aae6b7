//! A running litellm proxy.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    cases::{ANSWER, CHAT_MODEL, MASTER_KEY, MESSAGES_MODEL, TRANSLATED_MODEL},
    child::{Child, free_port},
};

/// Importing litellm alone takes ten seconds on a slow machine, and two start at once.
const START: Duration = Duration::from_secs(240);

/// A litellm proxy on loopback.
pub(super) struct Proxy {
    child: Child,
    port: u16,
}

// === impl Proxy ===

impl Proxy {
    /// Starts litellm with its files in `folder`; `hooked` says whether a hook checks the keys.
    ///
    /// # Errors
    /// When its files cannot be written or it cannot be started.
    pub(super) fn start(program: &Path, folder: &Path, hooked: bool) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let port = free_port()?;
        let config = folder.join("config.yaml");
        // JSON is YAML too.
        fs::write(&config, configuration(port, hooked).to_string())?;
        fs::write(folder.join("keys.py"), hook())?;
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .arg("--config")
            .arg(&config)
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--telemetry", "False"])
            // Nothing of the caller's environment (real keys, outbound proxies) may reach it, and it may reach nothing.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_TELEMETRY", "False")
            .env("DISABLE_ADMIN_UI", "True");
        let child = Child::start("litellm", &mut command, &folder.join("log"))?;
        Ok(Self { child, port })
    }

    /// Waits until it answers.
    ///
    /// # Errors
    /// When it ends or stays silent.
    pub(super) async fn ready(&mut self) -> Result<()> {
        let addr = format!("127.0.0.1:{}", self.port);
        self.child.answers(&addr, "/health/liveliness", START).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) async fn stop(self) {
        self.child.stop().await;
    }
}

fn configuration(port: u16, hooked: bool) -> Value {
    let model = |name: &str, parameters: Value| json!({"model_name": name, "litellm_params": parameters});
    let mock = |kind: &str, name: &str| {
        model(name, json!({"model": format!("{kind}/{name}"), "api_key": "none", "mock_response": ANSWER}))
    };
    // The upstream of the translated model is the mocked chat model of this same proxy.
    let translated = json!({
        "model": format!("hosted_vllm/{CHAT_MODEL}"),
        "api_base": format!("http://127.0.0.1:{port}/v1"),
        "api_key": MASTER_KEY,
    });
    let mut general = json!({"master_key": MASTER_KEY});
    if hooked {
        general["custom_auth"] = "keys.check".into();
    }
    json!({
        "model_list": [
            mock("openai", CHAT_MODEL),
            mock("anthropic", MESSAGES_MODEL),
            model(TRANSLATED_MODEL, translated),
        ],
        "general_settings": general,
        "litellm_settings": {"telemetry": false},
    })
}

/// The hook, in litellm's own interface: what is raised becomes litellm's answer to a key it does not know.
fn hook() -> String {
    format!(
        "from litellm.proxy._types import UserAPIKeyAuth\n\n\n\
         async def check(request, api_key):\n    \
         if api_key == {MASTER_KEY:?}:\n        \
         return UserAPIKeyAuth(api_key=api_key)\n    \
         raise Exception(\"this key is not known\")\n"
    )
}
