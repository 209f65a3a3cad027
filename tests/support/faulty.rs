//! A DNS server that answers as a test tells it: for what real servers never do, and to see what is asked.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::Record;

/// A server that answers as it is told, over UDP alone.
pub(crate) struct Faulty {
    pub(crate) at: SocketAddr,
    names: mpsc::Receiver<String>,
}

impl Faulty {
    /// It runs until the process ends: nothing tells a thread that waits for a datagram to stop.
    pub(crate) fn start(mut reply: impl FnMut(&Message) -> Option<Message> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let (seen, names) = mpsc::channel();
        std::thread::spawn(move || {
            let mut datagram = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut datagram) {
                let query = Message::from_vec(&datagram[..length]).unwrap();
                for question in &query.queries {
                    let _ = seen.send(question.name().to_ascii());
                }
                if let Some(reply) = reply(&query) {
                    socket.send_to(&reply.to_vec().unwrap(), from).unwrap();
                }
            }
        });
        Self { at, names }
    }

    /// The names that were asked until now.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.names.try_iter().collect()
    }
}

/// An answer with these records.
pub(crate) fn answer(query: &Message, records: &[Record]) -> Message {
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.recursion_desired = true;
    answer.metadata.recursion_available = true;
    answer.add_queries(query.queries.iter().cloned());
    answer.add_answers(records.iter().cloned());
    answer
}
