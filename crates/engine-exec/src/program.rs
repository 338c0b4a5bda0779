//! Expressions compiled for evaluation: a graph in which equal sub-expressions are one node.

use std::collections::HashMap;
use std::sync::Arc;

use engine_functions::{HigherOrderFunction, ScalarFunction};
use engine_sql::plan::{Expr, ExprKind, Lambda, SetSource};
use engine_types::{Column, DataType};
use parking_lot::Mutex;

use crate::ExecError;
use crate::in_set::PreparedSet;
use crate::memory::{Memory, Reservation};

/// Several expressions over one input schema.
pub(crate) struct Program {
    pub(crate) nodes: Vec<Node>,
    /// The node of each expression compiled, in order.
    pub(crate) outputs: Vec<usize>,
    /// How often each node is an input of others, or an output.
    pub(crate) uses: Vec<u32>,
    /// Results of functions on whole dictionaries.
    pub(crate) dictionaries: Mutex<Vec<DictResult>>,
    /// Of those results.
    pub(crate) dictionary_memory: Mutex<Reservation>,
    pub(crate) memory: Memory,
}

pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) ty: DataType,
    pub(crate) reads: Reads,
}

/// Which columns a node depends on, if its value is always the same for the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Nothing,
    One(usize),
    /// Or it is not always the same.
    Several,
}

impl Reads {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::One(a), Self::One(b)) if a == b => self,
            (Self::One(_) | Self::Several, Self::One(_) | Self::Several) => Self::Several,
        }
    }
}

pub(crate) enum NodeKind {
    Column(usize),
    /// One row.
    Literal(Arc<Column>),
    Call {
        function: &'static dyn ScalarFunction,
        args: Vec<usize>,
    },
    And(Vec<usize>),
    Or(Vec<usize>),
    HigherOrder {
        function: &'static dyn HigherOrderFunction,
        captures: Vec<usize>,
        /// Over the captures, then the parameters.
        body: Box<Program>,
        arrays: Vec<usize>,
        deterministic: bool,
    },
    InSet {
        arg: usize,
        set: Arc<PreparedSet>,
        negated: bool,
    },
}

impl NodeKind {
    /// The nodes whose values it takes, as often as it takes them.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = usize> + '_ {
        let (some, more): (&[usize], &[usize]) = match self {
            Self::Column(_) | Self::Literal(_) => (&[], &[]),
            Self::Call { args, .. } => (args, &[]),
            Self::And(operands) | Self::Or(operands) => (operands, &[]),
            Self::HigherOrder { captures, arrays, .. } => (captures, arrays),
            Self::InSet { arg, .. } => (std::slice::from_ref(arg), &[]),
        };
        some.iter().chain(more).copied()
    }
}

/// A node's result on every value of a dictionary, or how many rows asked for it so far.
pub(crate) struct DictResult {
    pub(crate) node: usize,
    pub(crate) dictionary: Arc<Column>,
    pub(crate) rows_asked: usize,
    pub(crate) state: DictState,
}

impl DictResult {
    /// Of the results; the dictionary is the table's.
    pub(crate) fn byte_size(&self) -> usize {
        match &self.state {
            DictState::Ready(values) => values.byte_size(),
            DictState::Asked | DictState::Failed => 0,
        }
    }
}

pub(crate) enum DictState {
    Asked,
    Ready(Arc<Column>),
    /// Some value of the dictionary is an error; it may be one that no row uses.
    Failed,
}

/// Runs sub-queries while expressions are compiled.
pub(crate) trait Subqueries {
    /// The one value of a scalar sub-query, as one row of type `ty`.
    fn scalar(&self, plan: &Arc<engine_sql::plan::Plan>, ty: &DataType) -> Result<Column, ExecError>;

    fn set(&self, source: &SetSource, ty: &DataType) -> Result<Arc<PreparedSet>, ExecError>;
}

#[derive(PartialEq, Eq, Hash)]
enum NodeKey {
    Column(usize),
    Literal(String, DataType),
    Call(&'static str, Vec<usize>, DataType),
    And(Vec<usize>, DataType),
    Or(Vec<usize>, DataType),
    /// The function, its captures and its arrays: the lambdas known with these are in [`Compiler::lambdas`].
    HigherOrder(&'static str, Vec<usize>, Vec<usize>),
}

impl Program {
    pub(crate) fn compile<'a>(
        exprs: impl IntoIterator<Item = &'a Expr>,
        subqueries: &dyn Subqueries,
        memory: &Memory,
    ) -> Result<Self, ExecError> {
        let mut compiler = Compiler {
            nodes: Vec::new(),
            known: HashMap::new(),
            lambdas: HashMap::new(),
            subqueries,
            memory,
        };
        let outputs: Vec<usize> = exprs
            .into_iter()
            .map(|e| compiler.node(e))
            .collect::<Result<_, _>>()?;
        let mut uses = vec![0; compiler.nodes.len()];
        let used = compiler.nodes.iter().flat_map(|node| node.kind.inputs());
        for input in used.chain(outputs.iter().copied()) {
            uses[input] += 1;
        }
        Ok(Self {
            nodes: compiler.nodes,
            outputs,
            uses,
            dictionaries: Mutex::default(),
            dictionary_memory: Mutex::new(memory.reserve("results on dictionaries")),
            memory: memory.clone(),
        })
    }
}

struct Compiler<'s> {
    nodes: Vec<Node>,
    known: HashMap<NodeKey, usize>,
    /// Nodes of higher-order functions with the lambdas they stand for.
    lambdas: HashMap<NodeKey, Vec<(Arc<Lambda>, usize)>>,
    subqueries: &'s dyn Subqueries,
    memory: &'s Memory,
}

impl Compiler<'_> {
    fn list(&mut self, exprs: &[Expr]) -> Result<Vec<usize>, ExecError> {
        exprs.iter().map(|e| self.node(e)).collect()
    }

    fn node(&mut self, expr: &Expr) -> Result<usize, ExecError> {
        let ty = expr.ty.clone();
        match &expr.kind {
            ExprKind::Column(i) => Ok(self.shared(NodeKey::Column(*i), NodeKind::Column(*i), ty)),
            ExprKind::Literal(value) => {
                let key = NodeKey::Literal(format!("{value:?}"), ty.clone());
                let column = Column::from_values(&ty, std::slice::from_ref(value));
                Ok(self.shared(key, NodeKind::Literal(Arc::new(column)), ty))
            }
            ExprKind::Call { function, args } => {
                let args = self.list(args)?;
                let kind = NodeKind::Call {
                    function: *function,
                    args: args.clone(),
                };
                if function.deterministic() {
                    Ok(self.shared(NodeKey::Call(function.name(), args, ty.clone()), kind, ty))
                } else {
                    Ok(self.push(kind, ty))
                }
            }
            ExprKind::And(list) => {
                let list = self.list(list)?;
                Ok(self.shared(NodeKey::And(list.clone(), ty.clone()), NodeKind::And(list), ty))
            }
            ExprKind::Or(list) => {
                let list = self.list(list)?;
                Ok(self.shared(NodeKey::Or(list.clone(), ty.clone()), NodeKind::Or(list), ty))
            }
            ExprKind::HigherOrder {
                function,
                lambda,
                arrays,
            } => {
                let captures = self.list(&lambda.captures)?;
                let arrays = self.list(arrays)?;
                let key = NodeKey::HigherOrder(function.name(), captures.clone(), arrays.clone());
                let known = self.lambdas.get(&key).into_iter().flatten();
                for (same, node) in known {
                    if same.params == lambda.params && same.body == lambda.body {
                        return Ok(*node);
                    }
                }
                let kind = NodeKind::HigherOrder {
                    function: *function,
                    captures,
                    body: Box::new(Program::compile([&lambda.body], self.subqueries, self.memory)?),
                    arrays,
                    deterministic: lambda.body.deterministic(),
                };
                let node = self.push(kind, ty);
                if lambda.body.deterministic() {
                    self.lambdas.entry(key).or_default().push((lambda.clone(), node));
                }
                Ok(node)
            }
            ExprKind::InSet { arg, set, negated } => {
                let set = self.subqueries.set(set, &arg.ty)?;
                let kind = NodeKind::InSet {
                    arg: self.node(arg)?,
                    set,
                    negated: *negated,
                };
                Ok(self.push(kind, ty))
            }
            ExprKind::ScalarSubquery(plan) => {
                let column = self.subqueries.scalar(plan, &ty)?;
                Ok(self.push(NodeKind::Literal(Arc::new(column)), ty))
            }
        }
    }

    fn shared(&mut self, key: NodeKey, kind: NodeKind, ty: DataType) -> usize {
        if let Some(&node) = self.known.get(&key) {
            return node;
        }
        let node = self.push(kind, ty);
        self.known.insert(key, node);
        node
    }

    fn push(&mut self, kind: NodeKind, ty: DataType) -> usize {
        let inputs = kind.inputs().map(|input| self.nodes[input].reads);
        let mut reads = inputs.fold(Reads::Nothing, Reads::and);
        match &kind {
            NodeKind::Column(i) => reads = Reads::One(*i),
            NodeKind::Call { function, .. } if !function.deterministic() => reads = Reads::Several,
            NodeKind::HigherOrder {
                deterministic: false, ..
            } => reads = Reads::Several,
            NodeKind::Literal(_)
            | NodeKind::Call { .. }
            | NodeKind::And(_)
            | NodeKind::Or(_)
            | NodeKind::HigherOrder { .. }
            | NodeKind::InSet { .. } => {}
        }
        self.nodes.push(Node { kind, ty, reads });
        self.nodes.len() - 1
    }
}
