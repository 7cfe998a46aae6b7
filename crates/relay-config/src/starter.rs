//! What a newcomer starts from.

/// The commented configuration that `relay-server init` writes as `config.yaml`.
pub const STARTER_CONFIG: &str = include_str!("../../../config/starter.yaml");
/// The list of variables that `relay-server init` writes as `.env.example`.
pub const STARTER_DOTENV: &str = include_str!("../../../config/.env.example");
