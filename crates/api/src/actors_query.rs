//! The actors behind one number of an insight: which query lists them.

use ::insights::{
    ActorKind, Context, CorrelationActorsQuery, FieldError, FunnelActorsQuery, Insight, LifecycleActorsQuery,
    PathActorsQuery, RetentionActorsQuery, StickinessActorsQuery, TrendActorsQuery, funnels, lifecycle,
    paths, retention, stickiness, trends,
};
use event_store::{EventStore, StoreError};
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a request makes one, and it is moved nowhere"
)]
pub enum ActorsQuery {
    Trends(TrendActorsQuery),
    Funnel(FunnelActorsQuery),
    Correlation(CorrelationActorsQuery),
    Retention(RetentionActorsQuery),
    Path(PathActorsQuery),
    Lifecycle(LifecycleActorsQuery),
    Stickiness(StickinessActorsQuery),
}

impl ActorsQuery {
    /// The actors that a request to `insight` means.
    pub fn parse(
        insight: Insight,
        request: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<Self, FieldError> {
        Ok(match insight {
            Insight::Trends => Self::Trends(trends::actors(request, context)?),
            Insight::Funnels => Self::Funnel(funnels::actors(request, context)?),
            Insight::Retention => Self::Retention(retention::actors(request, context)?.query().clone()),
            Insight::Paths => Self::Path(paths::actors(request, context)?),
            Insight::Lifecycle => Self::Lifecycle(lifecycle::actors(request, context)?),
            Insight::Stickiness => Self::Stickiness(stickiness::actors(request, context)?),
            Insight::Sessions => {
                return Err(FieldError::unsupported(
                    "insight",
                    "The lengths of sessions have no actors to list.",
                ));
            }
        })
    }

    pub fn actor(&self) -> ActorKind {
        match self {
            Self::Trends(query) => query.actor,
            Self::Funnel(query) => query.funnel.actor,
            Self::Correlation(query) => query.funnel.actor,
            Self::Retention(query) => query.query.actor,
            Self::Path(query) => query.paths.actor,
            Self::Lifecycle(query) => query.query.actor,
            Self::Stickiness(query) => query.query.actor,
        }
    }

    /// `limit` and `offset`.
    pub fn page(&self) -> (u32, u32) {
        match self {
            Self::Trends(query) => (query.limit, query.offset),
            Self::Funnel(query) => (query.limit, query.offset),
            Self::Correlation(query) => (query.limit, query.offset),
            Self::Retention(query) => (query.limit, query.skip),
            Self::Path(query) => (query.limit, query.offset),
            Self::Lifecycle(query) => (query.limit, query.offset),
            Self::Stickiness(query) => (query.limit, query.offset),
        }
    }

    /// The same actors, another part of them.
    pub fn set_page(&mut self, limit: u32, offset: u32) {
        let (its_limit, its_offset) = match self {
            Self::Trends(query) => (&mut query.limit, &mut query.offset),
            Self::Funnel(query) => (&mut query.limit, &mut query.offset),
            Self::Correlation(query) => (&mut query.limit, &mut query.offset),
            Self::Retention(query) => (&mut query.limit, &mut query.skip),
            Self::Path(query) => (&mut query.limit, &mut query.offset),
            Self::Lifecycle(query) => (&mut query.limit, &mut query.offset),
            Self::Stickiness(query) => (&mut query.limit, &mut query.offset),
        };
        (*its_limit, *its_offset) = (limit, offset);
    }

    /// Person uuids as text, or group keys.
    pub async fn ask(&self, store: &dyn EventStore) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Trends(query) => store.trend_actors(query).await,
            Self::Funnel(query) => store.funnel_actors(query).await,
            Self::Correlation(query) => store.correlation_actors(query).await,
            Self::Retention(query) => {
                let rows = store.retention_actors(query).await?;
                Ok(rows.into_iter().map(|row| row.actor).collect())
            }
            Self::Path(query) => store.path_actors(query).await,
            Self::Lifecycle(query) => store.lifecycle_actors(query).await,
            Self::Stickiness(query) => store.stickiness_actors(query).await,
        }
    }
}
