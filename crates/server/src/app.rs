//! The application: stores, ingestion and routes, wired together.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use capture::{CaptureLimits, CaptureState};
use ingest::{Ingest, IngestConfig};
use jobs::{CohortJobs, CohortJobsConfig};
use metadata::Metadata;
use tower::Layer;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};

use crate::cli::StoreOptions;
use crate::directory::{Projects, StoreDirectory};
use crate::now;
use crate::stores::Stores;

/// Memory for answers of insights that are kept.
const RESULT_CACHE_BYTES: u64 = 64 * 1024 * 1024;

pub struct App {
    stores: Stores,
    ingest: Ingest,
    cohorts: CohortJobs,
    results: api::ResultCache,
}

impl App {
    /// Opens the stores, bringing their schemas up to date.
    pub async fn open(options: &StoreOptions) -> Result<Self> {
        let stores = Stores::open(options).await?;
        let directory = Arc::new(StoreDirectory {
            metadata: stores.metadata.clone(),
        });
        let ingest = Ingest::start(stores.events.clone(), directory, IngestConfig::default());
        let cohorts = CohortJobs::start(
            stores.events.clone(),
            stores.metadata.clone(),
            now,
            CohortJobsConfig::default(),
        )
        .await?;
        Ok(Self {
            stores,
            ingest,
            cohorts,
            results: api::ResultCache::new(RESULT_CACHE_BYTES),
        })
    }

    pub fn metadata(&self) -> &Metadata {
        &self.stores.metadata
    }

    /// `columnar`, `clickhouse` or `postgres`.
    pub fn store_name(&self) -> &'static str {
        self.stores.events.name()
    }

    pub fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// All routes; a trailing slash makes no difference.
    pub fn service(&self) -> NormalizePath<Router> {
        let projects = Arc::new(Projects {
            metadata: self.stores.metadata.clone(),
        });
        let capture = capture::router(CaptureState::new(
            projects,
            self.ingest.clone(),
            CaptureLimits::default(),
        ));
        let api = api::router(api::ApiState {
            store: self.stores.events.clone(),
            metadata: self.stores.metadata.clone(),
            results: self.results.clone(),
            cohorts: self.cohorts.clone(),
            now,
        });
        NormalizePathLayer::trim_trailing_slash().layer(Router::new().merge(capture).merge(api))
    }

    /// Finishes what was accepted, then closes the stores.
    pub async fn close(self) -> Result<()> {
        self.ingest.close().await;
        self.cohorts.close().await;
        self.stores.close().await
    }
}
