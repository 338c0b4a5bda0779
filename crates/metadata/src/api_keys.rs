//! Personal API keys: created once in clear, kept only as a hash.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::{get, micros, time};
use crate::projects::random_secret;
use crate::{Metadata, MetadataError, Result};

/// A key as stored; the clear value is shown only when it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    pub id: String,
    pub label: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A day: `last_used_at` says which day a key was last in use, without a write for each request.
const LAST_USED_GRAIN_MICROS: i64 = 24 * 3600 * 1_000_000;

impl Metadata {
    /// Makes a key (random unless `value` is given). Answers the key and its clear value. A `value` that exists already is
    /// answered as it is.
    pub async fn create_api_key(
        &self,
        label: &str,
        value: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(ApiKey, String)> {
        let value = value.unwrap_or_else(|| random_secret("phx_"));
        if let Some(existing) = self.find(&value).await? {
            return Ok((existing, value));
        }
        let key = ApiKey {
            id: Uuid::now_v7().simple().to_string(),
            label: label.to_owned(),
            created_at: time(micros(now))?,
            last_used_at: None,
        };
        sqlx::query("INSERT INTO personal_api_key (id, label, key_hash, created_at) VALUES ($1, $2, $3, $4)")
            .bind(key.id.clone())
            .bind(key.label.clone())
            .bind(hash(&value))
            .bind(micros(now))
            .execute(&self.pool)
            .await
            .map_err(MetadataError::on("create an API key"))?;
        Ok((key, value))
    }

    /// The key with this clear value, noting its use.
    pub async fn authenticate(&self, value: &str, now: DateTime<Utc>) -> Result<Option<ApiKey>> {
        let Some(key) = self.find(value).await? else {
            return Ok(None);
        };
        let stale = key
            .last_used_at
            .is_none_or(|at| micros(now) - micros(at) >= LAST_USED_GRAIN_MICROS);
        if stale {
            sqlx::query("UPDATE personal_api_key SET last_used_at = $1 WHERE id = $2")
                .bind(micros(now))
                .bind(key.id.clone())
                .execute(&self.pool)
                .await
                .map_err(MetadataError::on("note the use of an API key"))?;
        }
        Ok(Some(key))
    }

    pub async fn has_api_keys(&self) -> Result<bool> {
        let row = sqlx::query("SELECT id FROM personal_api_key LIMIT 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(MetadataError::on("look for API keys"))?;
        Ok(row.is_some())
    }

    async fn find(&self, value: &str) -> Result<Option<ApiKey>> {
        let row = sqlx::query(
            "SELECT id, label, created_at, last_used_at FROM personal_api_key WHERE key_hash = $1",
        )
        .bind(hash(value))
        .fetch_optional(&self.pool)
        .await
        .map_err(MetadataError::on("look up an API key"))?;
        row.as_ref().map(api_key).transpose()
    }
}

fn api_key(row: &AnyRow) -> Result<ApiKey> {
    Ok(ApiKey {
        id: get(row, "id")?,
        label: get(row, "label")?,
        created_at: time(get(row, "created_at")?)?,
        last_used_at: get::<Option<i64>>(row, "last_used_at")?.map(time).transpose()?,
    })
}

/// SHA-256 in hexadecimal. Keys are long and random, so a slow password hash would add nothing.
fn hash(value: &str) -> String {
    Sha256::digest(value.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
