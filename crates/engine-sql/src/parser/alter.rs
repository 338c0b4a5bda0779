//! ALTER TABLE.

use super::Parser;
use crate::{
    ast::{AlterAction, ColumnPlace, Literal, PartitionRef, PartitionVerb, Statement},
    error::SqlError,
    token::TokenKind,
};

impl Parser<'_> {
    pub(super) fn alter(&mut self) -> Result<Statement, SqlError> {
        self.at += 1;
        self.expect_keywords("TABLE")?;
        let table = self.object_name()?;
        let cluster = self.on_cluster()?;
        let actions = self.comma_list(|p| {
            if p.eat_symbol("(")? {
                let action = p.alter_action()?;
                p.expect_symbol(")")?;
                return Ok(action);
            }
            p.alter_action()
        })?;
        let settings = if self.eat_keyword("SETTINGS")? {
            self.settings()?
        } else {
            Vec::new()
        };
        Ok(Statement::Alter {
            table,
            cluster,
            actions,
            settings,
        })
    }

    fn if_exists(&mut self) -> Result<bool, SqlError> {
        self.eat_keywords("IF EXISTS")
    }

    fn if_not_exists(&mut self) -> Result<bool, SqlError> {
        self.eat_keywords("IF NOT EXISTS")
    }

    /// `IN PARTITION …`, when there.
    fn in_partition(&mut self) -> Result<Option<PartitionRef>, SqlError> {
        if self.eat_keyword("IN")? {
            return match self.partition_clause()? {
                None => Err(self.expected("PARTITION")),
                found => Ok(found),
            };
        }
        Ok(None)
    }

    fn partition(&mut self) -> Result<PartitionRef, SqlError> {
        self.partition_clause()?
            .ok_or_else(|| self.expected("PARTITION or PART"))
    }

    fn place(&mut self) -> Result<Option<ColumnPlace>, SqlError> {
        if self.eat_keyword("FIRST")? {
            return Ok(Some(ColumnPlace::First));
        }
        if self.eat_keyword("AFTER")? {
            return self.column_name().map(ColumnPlace::After).map(Some);
        }
        Ok(None)
    }

    fn alter_action(&mut self) -> Result<AlterAction, SqlError> {
        let TokenKind::Word(verb) = self.peek()? else {
            return Err(self.expected("ALTER action"));
        };
        let verb = verb.to_ascii_uppercase();
        self.at += 1;
        match verb.as_str() {
            "ADD" => self.alter_add(),
            "DROP" => self.alter_drop(),
            "MODIFY" => self.alter_modify(),
            "ALTER" => {
                self.expect_keywords("COLUMN")?;
                self.modify_column()
            }
            "RENAME" => {
                self.expect_keywords("COLUMN")?;
                let if_exists = self.if_exists()?;
                let from = self.column_name()?;
                self.expect_keywords("TO")?;
                Ok(AlterAction::RenameColumn {
                    if_exists,
                    from,
                    to: self.column_name()?,
                })
            }
            "COMMENT" => {
                self.expect_keywords("COLUMN")?;
                Ok(AlterAction::CommentColumn {
                    if_exists: self.if_exists()?,
                    name: self.column_name()?,
                    comment: self.string("comment")?,
                })
            }
            "CLEAR" => self.alter_clear(),
            "MATERIALIZE" => self.alter_materialize(),
            "UPDATE" => {
                let set = self.assignments()?;
                let partition = self.in_partition()?;
                self.expect_keywords("WHERE")?;
                Ok(AlterAction::Update {
                    set,
                    partition,
                    filter: self.expr()?,
                })
            }
            "DELETE" => {
                let partition = self.in_partition()?;
                self.expect_keywords("WHERE")?;
                Ok(AlterAction::Delete {
                    partition,
                    filter: self.expr()?,
                })
            }
            "RESET" => {
                self.expect_keywords("SETTING")?;
                self.comma_list(|p| p.name("setting name"))
                    .map(AlterAction::ResetSetting)
            }
            "REMOVE" => {
                if self.eat_keyword("TTL")? {
                    return Ok(AlterAction::RemoveTtl);
                }
                self.expect_keywords("SAMPLE BY")?;
                Ok(AlterAction::RemoveSampleBy)
            }
            "DETACH" => self.partition_action(PartitionVerb::Detach),
            "ATTACH" => {
                let partition = self.partition()?;
                let verb = if self.eat_keyword("FROM")? {
                    PartitionVerb::AttachFrom(self.object_name()?)
                } else {
                    PartitionVerb::Attach
                };
                Ok(AlterAction::Partition { verb, partition })
            }
            "REPLACE" => {
                let partition = self.partition()?;
                self.expect_keywords("FROM")?;
                Ok(AlterAction::Partition {
                    verb: PartitionVerb::ReplaceFrom(self.object_name()?),
                    partition,
                })
            }
            "MOVE" => {
                let partition = self.partition()?;
                self.expect_keywords("TO")?;
                let verb = if self.eat_keyword("DISK")? {
                    PartitionVerb::MoveToDisk(Literal::String(self.string("disk name")?))
                } else if self.eat_keyword("VOLUME")? {
                    PartitionVerb::MoveToVolume(Literal::String(self.string("volume name")?))
                } else {
                    self.expect_keywords("TABLE")?;
                    PartitionVerb::MoveToTable(self.object_name()?)
                };
                Ok(AlterAction::Partition { verb, partition })
            }
            "FREEZE" => {
                let partition = self.partition_clause()?;
                let name = self.with_name()?;
                Ok(match partition {
                    Some(partition) => AlterAction::Partition {
                        verb: PartitionVerb::Freeze(name),
                        partition,
                    },
                    None => AlterAction::FreezeAll(name),
                })
            }
            "UNFREEZE" => {
                let partition = self.partition()?;
                Ok(AlterAction::Partition {
                    verb: PartitionVerb::Unfreeze(self.with_name()?),
                    partition,
                })
            }
            "FETCH" => {
                let partition = self.partition()?;
                self.expect_keywords("FROM")?;
                Ok(AlterAction::Partition {
                    verb: PartitionVerb::Fetch(Literal::String(self.string("path")?)),
                    partition,
                })
            }
            _ => {
                self.at -= 1;
                Err(self.expected(
                    "ALTER action (ADD, DROP, MODIFY, RENAME, COMMENT, CLEAR, MATERIALIZE, UPDATE, DELETE, PARTITION verbs)",
                ))
            }
        }
    }

    fn with_name(&mut self) -> Result<Option<Literal>, SqlError> {
        if self.eat_keywords("WITH NAME")? {
            return Ok(Some(Literal::String(self.string("backup name")?)));
        }
        Ok(None)
    }

    fn partition_action(&mut self, verb: PartitionVerb) -> Result<AlterAction, SqlError> {
        Ok(AlterAction::Partition {
            verb,
            partition: self.partition()?,
        })
    }

    fn alter_add(&mut self) -> Result<AlterAction, SqlError> {
        if self.eat_keyword("COLUMN")? {
            return Ok(AlterAction::AddColumn {
                if_not_exists: self.if_not_exists()?,
                column: self.column_def(true)?,
                place: self.place()?,
            });
        }
        if self.eat_keyword("INDEX")? {
            return Ok(AlterAction::AddIndex {
                if_not_exists: self.if_not_exists()?,
                index: self.index()?,
                place: self.place()?,
            });
        }
        if self.eat_keyword("PROJECTION")? {
            return Ok(AlterAction::AddProjection {
                if_not_exists: self.if_not_exists()?,
                projection: self.projection()?,
            });
        }
        if self.eat_keyword("CONSTRAINT")? {
            return Ok(AlterAction::AddConstraint {
                if_not_exists: self.if_not_exists()?,
                constraint: self.constraint()?,
            });
        }
        Err(self.expected("COLUMN, INDEX, PROJECTION or CONSTRAINT"))
    }

    fn alter_drop(&mut self) -> Result<AlterAction, SqlError> {
        if self.eat_keyword("COLUMN")? {
            return Ok(AlterAction::DropColumn {
                if_exists: self.if_exists()?,
                name: self.column_name()?,
            });
        }
        if self.eat_keyword("INDEX")? {
            return Ok(AlterAction::DropIndex {
                if_exists: self.if_exists()?,
                name: self.name("index name")?,
            });
        }
        if self.eat_keyword("PROJECTION")? {
            return Ok(AlterAction::DropProjection {
                if_exists: self.if_exists()?,
                name: self.name("projection name")?,
            });
        }
        if self.eat_keyword("CONSTRAINT")? {
            return Ok(AlterAction::DropConstraint {
                if_exists: self.if_exists()?,
                name: self.name("constraint name")?,
            });
        }
        if self.eat_keyword("DETACHED")? {
            return self.partition_action(PartitionVerb::DropDetached);
        }
        self.partition_action(PartitionVerb::Drop)
    }

    fn alter_modify(&mut self) -> Result<AlterAction, SqlError> {
        if self.eat_keyword("COLUMN")? {
            return self.modify_column();
        }
        if self.eat_keywords("ORDER BY")? {
            return self.expr().map(AlterAction::ModifyOrderBy);
        }
        if self.eat_keywords("SAMPLE BY")? {
            return self.expr().map(AlterAction::ModifySampleBy);
        }
        if self.eat_keyword("SETTING")? {
            return self.settings().map(AlterAction::ModifySetting);
        }
        if self.eat_keyword("TTL")? {
            // A comma may also begin the next action; TTL items are what follows an expression here.
            return self.comma_list(Self::ttl_item).map(AlterAction::ModifyTtl);
        }
        if self.eat_keyword("QUERY")? {
            return Ok(AlterAction::ModifyQuery(Box::new(self.query()?)));
        }
        if self.eat_keyword("COMMENT")? {
            return self.string("comment").map(AlterAction::ModifyComment);
        }
        Err(self.expected("COLUMN, ORDER BY, SAMPLE BY, SETTING, TTL, QUERY or COMMENT"))
    }

    fn modify_column(&mut self) -> Result<AlterAction, SqlError> {
        let if_exists = self.if_exists()?;
        let mut column = self.column_def(false)?;
        // `ALTER COLUMN c TYPE T`: TYPE was read as the type.
        let type_word = column
            .ty
            .as_ref()
            .is_some_and(|t| t.args.is_none() && t.name.eq_ignore_ascii_case("TYPE"));
        if type_word && matches!(self.peek()?, TokenKind::Word(_)) {
            column.ty = Some(self.type_name()?);
        }
        if self.eat_keyword("REMOVE")? {
            let property = self.name("property")?.to_ascii_uppercase();
            return Ok(AlterAction::RemoveProperty {
                if_exists,
                name: column.name,
                property,
            });
        }
        Ok(AlterAction::ModifyColumn {
            if_exists,
            column,
            place: self.place()?,
        })
    }

    fn alter_clear(&mut self) -> Result<AlterAction, SqlError> {
        if self.eat_keyword("PROJECTION")? {
            return Ok(AlterAction::ClearProjection {
                if_exists: self.if_exists()?,
                name: self.name("projection name")?,
                partition: self.in_partition()?,
            });
        }
        let index = self.eat_keyword("INDEX")?;
        if !index {
            self.expect_keywords("COLUMN")?;
        }
        let if_exists = self.if_exists()?;
        let name = self.column_name()?;
        Ok(match (self.in_partition()?, index) {
            (Some(partition), true) => AlterAction::Partition {
                verb: PartitionVerb::ClearIndex(name),
                partition,
            },
            (Some(partition), false) => AlterAction::Partition {
                verb: PartitionVerb::ClearColumn(name),
                partition,
            },
            (None, true) => AlterAction::ClearIndex { if_exists, name },
            (None, false) => AlterAction::ClearColumn { if_exists, name },
        })
    }

    fn alter_materialize(&mut self) -> Result<AlterAction, SqlError> {
        if self.eat_keyword("COLUMN")? {
            return Ok(AlterAction::MaterializeColumn {
                name: self.column_name()?,
                partition: self.in_partition()?,
            });
        }
        if self.eat_keyword("INDEX")? {
            return Ok(AlterAction::MaterializeIndex {
                if_exists: self.if_exists()?,
                name: self.name("index name")?,
                partition: self.in_partition()?,
            });
        }
        if self.eat_keyword("PROJECTION")? {
            return Ok(AlterAction::MaterializeProjection {
                if_exists: self.if_exists()?,
                name: self.name("projection name")?,
                partition: self.in_partition()?,
            });
        }
        self.expect_keywords("TTL")?;
        Ok(AlterAction::MaterializeTtl(self.in_partition()?))
    }
}
