//! Commands on their way: from a client to its server, through the service, and the answer back.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use everstrand_protocol::{Command, Reply, SendCommandRequest, ServiceError};

use super::{InFlight, World};
use crate::client::{Move, PATIENCE_MILLIS};
use crate::network::{Event, arrivals};
use crate::planted;
use crate::settings::TRANSACTION_MILLIS;

impl World {
    pub(super) fn client_moves(&mut self, client: usize) -> Result<(), String> {
        if self.clients[client].is_waiting() {
            return Ok(());
        }
        match self.clients[client].next(&self.settings, &mut self.checker, &mut self.counters)? {
            Move::Rest { millis } => self.schedule.plan(self.now + millis, Event::Client(client)),
            Move::Send { request, command } => self.send(client, request, command),
        }
        Ok(())
    }

    pub(super) fn send(&mut self, client: usize, request: u64, command: SendCommandRequest) {
        self.trace.line(self.now, format_args!("client {client} sends {request}: {}", shown(&command)));
        let arrivals = arrivals(&mut self.random, &self.settings, self.now);
        match arrivals.len() {
            0 => self.counters.count("request lost"),
            1 => {}
            _ => {
                self.counters.count("request repeated");
                self.clients[client].note_repeated(request, &mut self.checker);
            }
        }
        for at in arrivals {
            self.schedule.plan(at, Event::Request { client, request, command: command.clone() });
        }
        self.schedule.plan(self.now + PATIENCE_MILLIS, Event::GiveUp { client, request });
    }

    pub(super) fn request_arrives(
        &mut self,
        client: usize,
        request: u64,
        command: SendCommandRequest,
    ) -> Result<(), String> {
        let server = self.server_of(client);
        let Some(process) = &mut self.servers[server].process else {
            self.counters.count("request to a service that is down");
            return Ok(());
        };
        let transaction = match &command.command {
            Command::ExecuteStatement { transaction_id, .. }
            | Command::FetchPage { transaction_id, .. }
            | Command::CommitTransaction { transaction_id, .. } => Some(transaction_id.clone()),
            _ => None,
        };
        let service = Arc::clone(&process.service);
        let said = command.clone();
        let open = command.session_token.as_ref().and_then(|token| self.open.get(token));
        let command = planted::command(command, open);
        let future = Box::pin(async move { service.send_command(command).await });
        process.in_flight.push(InFlight { client, request, said, transaction, arrived: self.now, future });
        self.poll_commands(server)?;
        self.plan_step(server, 0);
        Ok(())
    }

    /// The server that a client talks to.
    pub(super) fn server_of(&self, client: usize) -> usize {
        client % self.servers.len()
    }

    /// Polls commands until none of them can go on.
    pub(super) fn poll_commands(&mut self, server: usize) -> Result<(), String> {
        let mut context = Context::from_waker(Waker::noop());
        let mut next = 0;
        while let Some(process) = &mut self.servers[server].process
            && let Some(command) = process.in_flight.get_mut(next)
        {
            let Poll::Ready(answer) = command.future.as_mut().poll(&mut context) else {
                next += 1;
                continue;
            };
            let command = process.in_flight.remove(next);
            // An answered command may have unblocked any other, so begin again with the first.
            next = 0;
            if self.store.is_without_power() {
                self.lose_power(server);
                return Ok(());
            }
            self.answer(&command, answer)?;
        }
        Ok(())
    }

    /// Sends an answer on its way.
    pub(super) fn answer(
        &mut self,
        command: &InFlight,
        answer: Result<Reply, ServiceError>,
    ) -> Result<(), String> {
        let InFlight { client, request, said, transaction, arrived, .. } = command;
        let answer = planted::answer(&said.command, answer);
        match &answer {
            Ok(Reply::StartTransaction(result)) => {
                self.began.insert(result.transaction_id.clone(), self.now);
                self.open
                    .extend(said.session_token.clone().map(|token| (token, result.transaction_id.clone())));
            }
            Ok(_) => {
                let began = transaction.as_ref().and_then(|id| self.began.get(id));
                if began.is_some_and(|began| *arrived >= began + TRANSACTION_MILLIS) {
                    return Err(format!("a transaction that had expired was served: {answer:?}"));
                }
            }
            Err(_) => {}
        }
        self.trace
            .line(self.now, format_args!("service answers client {client} {request}: {}", answered(&answer)));
        let arrivals = arrivals(&mut self.random, &self.settings, self.now);
        if arrivals.is_empty() {
            self.counters.count("answer lost");
        }
        for at in arrivals {
            let answer = Box::new(answer.clone());
            self.schedule.plan(at, Event::Answer { client: *client, request: *request, answer });
        }
        Ok(())
    }

    pub(super) fn answer_arrives(
        &mut self,
        client: usize,
        request: u64,
        answer: Result<Reply, ServiceError>,
    ) -> Result<(), String> {
        let World { clients, settings, checker, counters, .. } = self;
        let awaited = clients[client].answer(request, answer, settings, checker, counters)?;
        let server = self.server_of(client);
        if self.checker.is_unsettled(server) {
            self.check_acknowledged(server)?;
        }
        if awaited {
            let pause = if self.random.permille(100) { self.random.below(200) } else { self.random.below(3) };
            self.schedule.plan(self.now + pause, Event::Client(client));
        }
        Ok(())
    }
}

/// A request on one line.
fn shown(request: &SendCommandRequest) -> String {
    match &request.command {
        Command::ExecuteStatement { transaction_id, statement, .. } => {
            format!("{} {transaction_id} {statement}", request.command.name())
        }
        Command::FetchPage { transaction_id, .. } | Command::CommitTransaction { transaction_id, .. } => {
            format!("{} {transaction_id}", request.command.name())
        }
        command => command.name().to_owned(),
    }
}

/// An answer on one line.
fn answered(answer: &Result<Reply, ServiceError>) -> String {
    match answer {
        Ok(Reply::StartTransaction(result)) => format!("transaction {}", result.transaction_id),
        Ok(Reply::ExecuteStatement(result)) => format!("{} values", result.first_page.values.len()),
        Ok(Reply::FetchPage(result)) => format!("{} values", result.page.values.len()),
        Ok(reply) => reply.name().to_owned(),
        Err(error) => error.to_string(),
    }
}
