//! The dispatcher and its targets over real sockets.

mod dispatch;
mod mail;
mod support;
