//! A resolver that answers what a test says.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use relay_probe::{HttpProber, Options, Resolver, Roots};

/// Answers by name; each question takes the next answer, the last one stays. Counts questions.
pub(crate) struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    questions: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn new(names: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parse = |texts: &&[&str]| texts.iter().map(|text| text.parse().expect("an address")).collect();
        let answers = names
            .iter()
            .map(|(name, rounds)| ((*name).to_owned(), rounds.iter().map(parse).collect()))
            .collect();
        Arc::new(Self { answers: Mutex::new(answers), questions: Mutex::default() })
    }

    pub(crate) fn questions(&self) -> Vec<String> {
        self.questions.lock().expect("no panic").clone()
    }

    /// Returns a prober that asks this resolver only.
    pub(crate) fn prober(self: &Arc<Self>) -> HttpProber {
        let resolver: Arc<dyn Resolver> = Arc::<Self>::clone(self);
        HttpProber::new(Options { resolver: Some(resolver), roots: Roots::OnlyExtra, ..Options::default() })
            .expect("a prober")
    }
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.questions.lock().expect("no panic").push(host.to_owned());
        let mut answers = self.answers.lock().expect("no panic");
        let Some(rounds) = answers.get_mut(host) else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such name"));
        };
        let answer = if rounds.len() > 1 { rounds.remove(0) } else { rounds[0].clone() };
        Ok(answer.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}
