//! How hookd proves itself to the servers: one of several ways.

use async_nats::ConnectOptions;
use hookd_core::{Problem, Secret};
use hookd_sinks::{SinkContext, read_secret};

/// The options about it.
pub(crate) struct Named<'a> {
    pub(crate) credentials: Option<&'a Secret>,
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a Secret>,
    pub(crate) token: Option<&'a Secret>,
    pub(crate) nkey: Option<&'a Secret>,
}

/// What hookd proves itself with.
pub(crate) enum Credentials {
    /// A file of credentials: a token of a user, and the seed of its key.
    File(String),
    /// User and password.
    Password(String, String),
    /// A token.
    Token(String),
    /// The seed of a key.
    Nkey(String),
}

impl Credentials {
    /// What these options name; none where they name nothing.
    ///
    /// # Errors
    /// Where they name more than one way, a part of one, or a secret that is missing or not what it should be.
    pub(crate) fn read(named: &Named<'_>, context: &SinkContext<'_>) -> Result<Option<Self>, Problem> {
        let Named { credentials, user, password, token, nkey } = *named;
        let ways = [
            ("credentials", credentials.is_some()),
            ("user", user.is_some() || password.is_some()),
            ("token", token.is_some()),
            ("nkey", nkey.is_some()),
        ];
        let mut ways = ways.into_iter().filter(|(_, is_named)| *is_named).map(|(option, _)| option);
        if let (Some(one), Some(other)) = (ways.next(), ways.next()) {
            return Err(Problem::with(other, format!("`{one}` is there too: leave one of them out")));
        }
        let read = |option: &str, secret: &Secret| {
            let bytes = read_secret(secret, context).map_err(|why| Problem::with(option, why))?;
            String::from_utf8(bytes).map_err(|_| Problem::with(option, "the secret is not UTF-8"))
        };
        let valid = |option: &str, is_valid: bool, what: &str| {
            if is_valid { Ok(()) } else { Err(Problem::with(option, format!("the secret is not {what}"))) }
        };
        Ok(Some(match (credentials, user, password, token, nkey) {
            (Some(secret), ..) => {
                let text = read("credentials", secret)?;
                let is_valid = ConnectOptions::with_credentials(&text).is_ok();
                valid("credentials", is_valid, "a file of credentials (`.creds`), with a JWT and the seed of its key")?;
                Self::File(text)
            }
            (_, Some(user), Some(password), ..) => Self::Password(user.to_owned(), read("password", password)?),
            (_, Some(_), None, ..) => return Err(Problem::with("user", "it needs `password`")),
            (_, None, Some(_), ..) => return Err(Problem::with("password", "it needs `user`")),
            (.., Some(secret), _) => Self::Token(read("token", secret)?),
            (.., Some(secret)) => {
                let seed = read("nkey", secret)?.trim().to_owned();
                // The client checks it when it connects.
                let is_seed = seed.starts_with("SU") && seed.len() == 58;
                valid("nkey", is_seed, "the seed of a user's key, of 58 characters, which begins with `SU`")?;
                Self::Nkey(seed)
            }
            (None, None, None, None, None) => return Ok(None),
        }))
    }

    /// Adds them to the options of a connection.
    pub(crate) fn add_to(&self, options: ConnectOptions) -> ConnectOptions {
        match self {
            // They were parsed when the configuration was read.
            Self::File(text) => match options.clone().credentials(text) {
                Ok(with) => with,
                Err(_) => options,
            },
            Self::Password(user, password) => options.user_and_password(user.clone(), password.clone()),
            Self::Token(token) => options.token(token.clone()),
            Self::Nkey(seed) => options.nkey(seed.clone()),
        }
    }

    /// The options that name them, for messages.
    pub(crate) fn options(&self) -> &'static str {
        match self {
            Self::File(_) => "`credentials`",
            Self::Password(..) => "`user` and `password`",
            Self::Token(_) => "`token`",
            Self::Nkey(_) => "`nkey`",
        }
    }
}
