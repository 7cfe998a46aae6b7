//! Upstreams that do harm: every probe gets the verdict that is documented for it, ends by its deadline, and holds no
//! more memory than [`arena::BOUND`], counted allocation by allocation.

mod arena;
mod bodies;
mod http2;
mod wire;
