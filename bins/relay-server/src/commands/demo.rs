//! `demo`: everything alive without any account.
//!
//! A fleet of simulated relays listens on loopback and is really probed. The configuration is a real one, written to a
//! temporary directory and loaded as any other; so is the database, which is seeded with a month of the same fleet's
//! plausible past. Nothing of it stays.

mod config;
mod history;

use std::{fs, future::Future, sync::Arc};

use anyhow::Context as _;
use relay_config::Environment;
use relay_core::ports::{Clock as _, clock::SystemClock};
use relay_sim::{Behaviour, Fleet, Listing, Options, Sim};
use tokio_util::sync::CancellationToken;

use super::{block_on, print};
use crate::{
    app::{App, Start},
    cli::DemoArgs,
    telemetry::{self, LogArgs},
};

/// Decides every draw of the simulation, so that past and present tell one story and each demo tells the same.
const SEED: u64 = 7;

/// Runs the demo until a signal comes.
///
/// # Errors
/// What kept it from starting, or made it stop.
pub(crate) fn run(args: &DemoArgs, log: &LogArgs) -> anyhow::Result<()> {
    let logging = telemetry::start(log, config::LOG)?;
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let outcome = block_on(async {
        let clock = SystemClock;
        let fleet = Fleet::demo(clock.now().as_secs());
        let sim = simulate(&fleet).await?;
        let path = dir.path().join("demo.yaml");
        // The environment is left out: its storage and keys are for a real server.
        let env = Environment::new();
        let text = config::text(&fleet, &sim, &args.listen, &dir.path().join("demo.db"))?;
        fs::write(&path, text).context("cannot write the demo's configuration")?;
        let loaded = relay_config::load(&path, &env).context("the address to listen on cannot be used")?;
        let app =
            App::open(Start { loaded, path, env, logging, probe: true, upgrade: true, demo: true }).await?;
        let stop = app.lifecycle().soft.clone();
        let seeded = history::seed(app.repository(), &fleet, SEED, clock.now().as_secs());
        if until(&stop, seeded).await.transpose().context("cannot seed the demo's history")?.is_some() {
            print(&format!(
                "Relay Pulse demo with simulated relays: http://{}/\nCtrl-C stops it; nothing is kept.\n",
                app.address()
            ));
        }
        app.serve().await?;
        sim.stop().await;
        Ok(())
    });
    dir.close().context("cannot remove the demo's temporary directory")?;
    outcome
}

/// Returns the model that a channel's monitor of `model` is listed with: Claude Code's channels list theirs, most others
/// of the fleet speak for their one model without naming it, and are listed without one.
fn listed_model<'a>(listing: &Listing, model: &'a str) -> &'a str {
    let relay = &listing.relay;
    let names = listing.service == "cc"
        || relay.models.len() > 1
        || matches!(relay.behaviour, Behaviour::SwappedModel(_));
    if names { model } else { "" }
}

async fn simulate(fleet: &Fleet) -> anyhow::Result<Sim> {
    let options = Options {
        seed: SEED,
        now: Arc::new(|| SystemClock.now().as_secs()),
        relays: fleet.relays(),
        ..Options::default()
    };
    Sim::start(options).await.context("cannot start the simulated relays")
}

/// Works until done or stopped; `None` when stopped.
async fn until<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = stop.cancelled() => None,
        done = work => Some(done),
    }
}
