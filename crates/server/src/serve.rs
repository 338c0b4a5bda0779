//! `granary serve`: the listening socket, and a shutdown that loses nothing.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::cli::ServeOptions;
use crate::{credentials, now};

pub async fn run(options: ServeOptions) -> Result<()> {
    let app = App::open(&options.store).await?;
    let first_start = credentials::ensure(app.metadata(), &options, now()).await?;
    let listener = TcpListener::bind((options.host, options.port))
        .await
        .with_context(|| format!("cannot listen on {}:{}", options.host, options.port))?;
    let url = format!("http://{}", listener.local_addr()?);
    announce(&url, &app, first_start);
    let service =
        axum::ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app.service());
    axum::serve(listener, service)
        .with_graceful_shutdown(stop_signal())
        .await
        .context("the server failed")?;
    tracing::info!("Stopping: all requests are answered, closing the stores");
    app.close().await
}

/// Prints where the server is; on the first start also the credentials, the only time they are shown.
fn announce(url: &str, app: &App, first_start: Option<credentials::FirstStart>) {
    println!("Granary is ready, with the {} store.", app.store_name());
    println!("  URL               {url}");
    if let Some(first) = first_start {
        println!(
            "  Project           {} (id {})",
            first.project.name, first.project.id
        );
        println!("  Project token     {}", first.project.api_token);
        println!("  Personal API key  {}", first.personal_api_key);
        println!("The personal API key is stored hashed and not shown again.");
    }
}

async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "Cannot listen for SIGTERM");
            // The interrupt is all that is left to wait for.
            let _ = interrupt.await;
        }
    }
}
