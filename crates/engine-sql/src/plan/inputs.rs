//! The inputs of a plan node.

use super::Plan;

impl Plan {
    pub fn inputs(&self) -> Vec<&Plan> {
        match self {
            Self::OneRow | Self::Scan { .. } | Self::Numbers { .. } | Self::Values { .. } => Vec::new(),
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::ArrayJoin { input, .. }
            | Self::Window { input, .. }
            | Self::Sort { input, .. }
            | Self::LimitBy { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input } => vec![input],
            Self::Join { left, right, .. } => vec![left, right],
            Self::UnionAll { inputs, .. } => inputs.iter().collect(),
        }
    }

    /// Rebuilds the node with `rewrite` applied to each input.
    pub fn map_inputs(mut self, rewrite: &mut dyn FnMut(Plan) -> Plan) -> Plan {
        let mut replace = |slot: &mut Box<Plan>| {
            let input = std::mem::replace(&mut **slot, Plan::OneRow);
            **slot = rewrite(input);
        };
        match &mut self {
            Self::OneRow | Self::Scan { .. } | Self::Numbers { .. } | Self::Values { .. } => {}
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::ArrayJoin { input, .. }
            | Self::Window { input, .. }
            | Self::Sort { input, .. }
            | Self::LimitBy { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input } => replace(input),
            Self::Join { left, right, .. } => {
                replace(left);
                replace(right);
            }
            Self::UnionAll { inputs, .. } => {
                for input in inputs {
                    let taken = std::mem::replace(input, Plan::OneRow);
                    *input = rewrite(taken);
                }
            }
        }
        self
    }
}

impl Plan {
    /// The node's own expressions, not those of its inputs.
    pub fn each_expr_mut(&mut self, visit: &mut dyn FnMut(&mut super::Expr)) {
        match self {
            Self::OneRow
            | Self::Numbers { .. }
            | Self::Values { .. }
            | Self::ArrayJoin { .. }
            | Self::Limit { .. }
            | Self::Distinct { .. }
            | Self::UnionAll { .. } => {}
            Self::Scan { filters: list, .. }
            | Self::Project { exprs: list, .. }
            | Self::LimitBy { keys: list, .. } => {
                list.iter_mut().for_each(visit);
            }
            Self::Filter { predicate, .. } => visit(predicate),
            Self::Aggregate { keys, aggregates, .. } => {
                keys.iter_mut().for_each(&mut *visit);
                aggregates.iter_mut().flat_map(|a| &mut a.args).for_each(visit);
            }
            Self::Join { on, residual, .. } => {
                for (left, right) in on {
                    visit(left);
                    visit(right);
                }
                residual.iter_mut().for_each(visit);
            }
            Self::Window { calls, .. } => {
                for call in calls {
                    call.args.iter_mut().for_each(&mut *visit);
                    call.partition_by.iter_mut().for_each(&mut *visit);
                    call.order_by.iter_mut().for_each(|k| visit(&mut k.expr));
                }
            }
            Self::Sort { keys, .. } => keys.iter_mut().for_each(|k| visit(&mut k.expr)),
        }
    }
}
