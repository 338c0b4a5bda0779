//! Which of the store's three failures an error of Postgres is.

use event_store::StoreError;
use sqlx::migrate::MigrateError;

/// What was being done when the error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A question: out of time or memory means it asked too much.
    Question,
    /// A write: out of time means that the server cannot take it now.
    Append,
}

pub(crate) fn store_error(error: sqlx::Error, step: Step) -> StoreError {
    match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default().into_owned();
            match kind(&code, step) {
                Kind::Unavailable => StoreError::Unavailable(format!("{error} ({code})")),
                Kind::Limit => StoreError::Limit(format!("{error} ({code})")),
                Kind::Failed => StoreError::Failed(format!("{error} ({code})")),
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => StoreError::Unavailable(error.to_string()),
        // sqlx says that its list of errors may grow.
        _ => StoreError::Failed(error.to_string()),
    }
}

pub(crate) fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            store_error(error, Step::Append)
        }
        other => StoreError::Failed(other.to_string()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Limit,
    Failed,
}

/// By SQLSTATE, whose first two characters are the class.
fn kind(code: &str, step: Step) -> Kind {
    match code {
        // Statement timeout; also a cancel by an administrator.
        "57014" | "53200" | "53400" => match step {
            Step::Question => Kind::Limit,
            Step::Append => Kind::Unavailable,
        },
        // A regular expression too complex for the server.
        "2201B" => Kind::Limit,
        _ => match code.get(..2) {
            // Connection, authorisation, no such database, rollback (deadlock), resources, operator intervention, IO.
            Some("08" | "28" | "3D" | "40" | "53" | "57" | "58") => Kind::Unavailable,
            // Program limits: too many columns, too deep, too large.
            Some("54") => Kind::Limit,
            Some(_) | None => Kind::Failed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Step, kind};

    #[test]
    fn codes_have_a_kind() {
        for (code, question, append) in [
            ("57014", Kind::Limit, Kind::Unavailable),
            ("53200", Kind::Limit, Kind::Unavailable),
            ("53300", Kind::Unavailable, Kind::Unavailable),
            ("57P01", Kind::Unavailable, Kind::Unavailable),
            ("40P01", Kind::Unavailable, Kind::Unavailable),
            ("54001", Kind::Limit, Kind::Limit),
            ("2201B", Kind::Limit, Kind::Limit),
            ("42P01", Kind::Failed, Kind::Failed),
            ("", Kind::Failed, Kind::Failed),
        ] {
            assert_eq!(kind(code, Step::Question), question, "{code}");
            assert_eq!(kind(code, Step::Append), append, "{code}");
        }
    }
}
