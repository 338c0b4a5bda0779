//! A funnel request as meant: what it asks, and how the answers become its own.

use serde_json::Value;

use super::breakdown::BreakdownBy;
use super::definition::Funnel;
use super::people_url::people_url;
use super::step::Step;
use super::view::View;
use crate::context::Context;
use crate::dates::Window;
use crate::field_error::FieldError;
use crate::request::Request;
use crate::resolved::{
    FunnelOrder, FunnelQuery, FunnelSteps, FunnelTime, FunnelTimesQuery, FunnelTrendsPoint, FunnelTrendsQuery,
};
use crate::trends::breakdown::Member;
use crate::url::ActorsUrl;

/// A question to a store.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Steps(FunnelQuery),
    Trends(FunnelTrendsQuery),
    Times(FunnelTimesQuery),
}

/// A store's answer, of the same kind as its [`Ask`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Steps(Vec<FunnelSteps>),
    Trends(Vec<FunnelTrendsPoint>),
    Times(Vec<FunnelTime>),
}

/// What a funnel request asks for. Ask a store each of [`Plan::asks`], then [`Plan::shape`] the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    asks: Vec<Ask>,
    /// `None`: the request has no steps, so that there is nothing to show either.
    pub(super) shown: Option<Shown>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) view: View,
    pub(super) order: FunnelOrder,
    pub(super) steps: Vec<Step>,
    pub(super) split: Split,
    /// Of [`View::Trends`] only.
    pub(super) periods: Option<Window>,
    pub(super) people_url: ActorsUrl,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Split {
    Whole,
    /// The answer to the only question is in groups.
    Groups {
        bare: bool,
    },
    /// The member that each question is about.
    Members(Vec<Member>),
}

impl Plan {
    pub fn parse(request: &Request, context: &Context<'_>) -> Result<Self, FieldError> {
        let Some(funnel) = Funnel::read(request, context)? else {
            return Ok(Self {
                asks: Vec::new(),
                shown: None,
            });
        };
        let view = View::read(request, funnel.steps.len())?;
        let periods = match view {
            View::Trends(_) => Some(funnel.periods()?),
            View::Steps | View::Times { .. } => None,
        };
        let (queries, split) = queries(&funnel, view, context)?;
        let asks = queries
            .into_iter()
            .map(|query| ask(query, view, periods.as_ref(), &funnel, context))
            .collect();
        Ok(Self {
            asks,
            shown: Some(Shown {
                view,
                order: funnel.query.order,
                split,
                periods,
                people_url: people_url("funnel", request, funnel.query.range, context),
                steps: funnel.steps,
            }),
        })
    }

    /// Answer each of these, in this order. None when the request has no steps.
    pub fn asks(&self) -> &[Ask] {
        &self.asks
    }

    /// The `result` of the answer: a list of steps, of such lists, of lines, or the bins of times. `answers[i]` answers
    /// `asks()[i]`.
    pub fn shape(&self, answers: &[Answer]) -> Value {
        match &self.shown {
            None => Value::Array(Vec::new()),
            Some(shown) => super::shape::result(shown, answers),
        }
    }
}

/// Times are never split: there is one histogram.
fn queries(
    funnel: &Funnel,
    view: View,
    context: &Context<'_>,
) -> Result<(Vec<FunnelQuery>, Split), FieldError> {
    match (view, &funnel.breakdown) {
        (View::Times { .. }, _) | (_, None) => Ok((vec![funnel.query.clone()], Split::Whole)),
        (View::Steps | View::Trends(_), Some(BreakdownBy::Property { breakdown, bare })) => {
            Ok((vec![funnel.broken_down(breakdown)], Split::Groups { bare: *bare }))
        }
        (View::Steps | View::Trends(_), Some(BreakdownBy::Cohorts(members))) => {
            let queries = members
                .iter()
                .map(|member| Ok(funnel.within(&member.condition(context)?)))
                .collect::<Result<_, FieldError>>()?;
            Ok((queries, Split::Members(members.clone())))
        }
    }
}

fn ask(
    query: FunnelQuery,
    view: View,
    periods: Option<&Window>,
    funnel: &Funnel,
    context: &Context<'_>,
) -> Ask {
    match view {
        View::Steps => Ask::Steps(query),
        View::Trends(span) => Ask::Trends(FunnelTrendsQuery {
            funnel: query,
            week_start: context.project.week_start,
            interval: funnel.interval,
            ticks: periods.map(|periods| periods.ticks.clone()).unwrap_or_default(),
            from: span.from + 1,
            to: span.to + 1,
        }),
        View::Times { span, .. } => Ask::Times(FunnelTimesQuery {
            funnel: query,
            from: span.from,
            to: span.to,
        }),
    }
}
