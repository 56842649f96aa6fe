//! What a batch that was sent still waits for. Pure: messages in, the answer out.
//!
//! There is no answer before PostgreSQL is ready for the next batch: a deferred constraint fails after the rows were
//! sent and the statement was completed.

use super::message::{Message, Standing};
use super::names::Name;
use super::refusal::Refusal;
use super::row::Row;
use crate::db::error::DbError;
use crate::db::run::Answer;
use crate::db::transaction::parse_plan;
use std::rc::Rc;

/// What a step of a batch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The transaction's begin.
    Begin,
    /// The caller's identity.
    Enter,
    /// The time zone that the caller chose.
    Zone,
    /// `api.pre_request`.
    First,
    /// The statement, whose one row is the answer.
    Main,
    /// What the planner expects.
    Estimate,
    /// The transaction's end.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Parse,
    Bind,
    Run,
}

#[derive(Debug)]
struct Step {
    what: What,
    name: Rc<Name>,
    stage: Stage,
}

/// One batch under way.
#[derive(Debug, Default)]
pub struct Flight {
    steps: Vec<Step>,
    at: usize,
    closing: usize,
    answer: Option<Row>,
    plan: Option<Row>,
    more: bool,
    lone: bool,
    refused: Option<(What, Stage, Refusal)>,
}

/// A batch that was answered to its end.
#[derive(Debug)]
pub struct Landed {
    /// Where the session stands.
    pub standing: Standing,
    /// What came of it.
    pub outcome: Result<Answer, DbError>,
}

impl Flight {
    /// No row is an answer too: nothing was written.
    pub fn may_have_no_row(&mut self, lone: bool) {
        self.lone = lone;
    }

    /// One more statement to be closed before anything else.
    pub fn closes(&mut self) {
        self.closing += 1;
    }

    /// One more step.
    pub fn step(&mut self, what: What, name: Rc<Name>, parse: bool) {
        let stage = if parse { Stage::Parse } else { Stage::Bind };
        self.steps.push(Step { what, name, stage });
    }

    /// Takes a message; what became of the batch, once that is known.
    ///
    /// # Errors
    /// When PostgreSQL would not say this here. The session can only be closed.
    pub fn take(&mut self, message: Message) -> Result<Option<Landed>, DbError> {
        match message {
            Message::Aside => return Ok(None),
            Message::Ready(standing) => return self.land(standing).map(Some),
            Message::Refused(refusal) => {
                self.refuse(refusal);
                return Ok(None);
            }
            Message::Closed if self.closing > 0 && self.refused.is_none() => {
                self.closing -= 1;
                return Ok(None);
            }
            _ => {}
        }
        let step = self
            .steps
            .get_mut(self.at)
            .filter(|_| self.refused.is_none());
        let Some(step) = step else {
            return Err(out_of_turn());
        };
        match (message, step.stage) {
            (Message::Parsed, Stage::Parse) => step.stage = Stage::Bind,
            (Message::Bound, Stage::Bind) => step.stage = Stage::Run,
            (Message::Completed, Stage::Run) => self.at += 1,
            (Message::Row(row), Stage::Run) => {
                let place = match step.what {
                    What::Main => Some(&mut self.answer),
                    What::Estimate => Some(&mut self.plan),
                    _ => None,
                };
                if let Some(place) = place {
                    self.more |= place.replace(row).is_some();
                }
            }
            _ => return Err(out_of_turn()),
        }
        Ok(None)
    }

    /// The first refusal counts: a later one can only be the end of the session.
    fn refuse(&mut self, refusal: Refusal) {
        // Behind all steps it is the transaction's end that is refused.
        let step = self.steps.get(self.at);
        let (what, stage) = step.map_or((What::End, Stage::Run), |step| (step.what, step.stage));
        match &mut self.refused {
            None => self.refused = Some((what, stage, refusal)),
            Some((_, _, first)) => first.fatal |= refusal.fatal,
        }
    }

    fn land(&mut self, standing: Standing) -> Result<Landed, DbError> {
        if self.refused.is_none() && (self.at < self.steps.len() || self.closing > 0) {
            return Err(out_of_turn());
        }
        let outcome = self.outcome();
        if outcome.is_ok() && standing != Standing::Idle {
            return Err(DbError::Protocol("a transaction was left open".into()));
        }
        Ok(Landed { standing, outcome })
    }

    fn outcome(&mut self) -> Result<Answer, DbError> {
        if let Some((what, stage, refusal)) = self.refused.take() {
            self.skipped();
            let error = DbError::from(refusal);
            if error.is_stale_statement()
                && let Some(step) = self.steps.get(self.at)
            {
                step.name.lose();
            }
            return Err(match (what, stage) {
                (What::Zone, _) => DbError::of_time_zone(error),
                (What::First, Stage::Parse) => DbError::of_first(error),
                (What::Main, _) => error.of_the_statement(),
                _ => error,
            });
        }
        if self.more {
            return Err(DbError::Protocol("more than one row".into()));
        }
        let planned = match self.plan.take() {
            None => None,
            Some(row) => Some(planned(&row)?),
        };
        // A rollback alone answers with nothing.
        match self.answer.take() {
            Some(row) => Answer::of_wire(row, planned),
            None if self.lone => Ok(Answer::nothing()),
            None => Err(DbError::Protocol("no row".into())),
        }
    }

    /// What is not parsed by now never will be.
    pub fn skipped(&self) {
        for step in self.steps.iter().filter(|step| step.stage == Stage::Parse) {
            step.name.lose();
        }
    }

    /// What the batch gets when the session ends before its answer.
    pub fn lost(mut self, reason: DbError) -> DbError {
        match self.refused.take() {
            Some((_, _, refusal)) => {
                let refusal = Refusal {
                    fatal: true,
                    ..refusal
                };
                refusal.into()
            }
            None => reason,
        }
    }
}

fn planned(row: &Row) -> Result<i64, DbError> {
    let text = row.column(0).flatten().unwrap_or_default();
    parse_plan(&text).ok_or_else(|| DbError::Protocol("a plan without a number of rows".into()))
}

fn out_of_turn() -> DbError {
    DbError::Protocol("a message out of turn".into())
}

#[cfg(test)]
mod tests;
