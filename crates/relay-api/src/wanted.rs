//! Which monitors a request names by provider, service, channel and model.

use relay_core::Monitor;

use crate::{error::ApiError, index::Index, query::Params};

/// The parts of a key as a client gives them, in any case. An empty part leaves it open.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Wanted {
    /// Name or slug.
    pub(crate) provider: String,
    pub(crate) service: String,
    pub(crate) channel: String,
    pub(crate) model: String,
}

impl Wanted {
    /// Reads the four parameters.
    ///
    /// # Errors
    /// When the provider or the service is missing.
    pub(crate) fn parse(params: &Params<'_>) -> Result<Self, ApiError> {
        let part = |name: &str| params.text(name).to_owned();
        let wanted = Self {
            provider: part("provider"),
            service: part("service"),
            channel: part("channel"),
            model: part("model"),
        };
        for (name, value) in [("provider", &wanted.provider), ("service", &wanted.service)] {
            if value.is_empty() {
                return Err(ApiError::parameter(name, "is required"));
            }
        }
        Ok(wanted)
    }

    /// Returns the visible monitors that are meant, in configuration order.
    pub(crate) fn find<'a>(&'a self, index: &'a Index) -> impl Iterator<Item = usize> + 'a {
        let providers = Some(index.provider(&self.provider));
        let services = (!self.service.is_empty()).then(|| index.service(&self.service));
        let (channel, model) = (self.channel.to_lowercase(), self.model.to_lowercase());
        (0..index.snapshot.monitors.len()).filter(move |at| {
            let monitor: &Monitor = index.monitor(*at);
            let fits = |wanted: &str, part: &str| wanted.is_empty() || part.trim().to_lowercase() == wanted;
            index.matches(*at, providers.as_ref(), services.as_ref())
                && monitor.is_visible()
                && fits(&channel, monitor.key.channel())
                && fits(&model, monitor.key.model())
        })
    }

    /// Returns the one monitor that is meant: where parts are left open, the first, parents before their children.
    ///
    /// # Errors
    /// `not_found`, for hidden and disabled ones too.
    pub(crate) fn one(&self, index: &Index) -> Result<usize, ApiError> {
        self.find(index)
            .min_by_key(|at| (index.monitor(*at).is_child, *at))
            .ok_or_else(|| ApiError::new(crate::error::Code::NotFound, "there is no such monitor"))
    }
}
