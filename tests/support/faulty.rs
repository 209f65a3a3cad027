//! A DNS server that answers as a test tells it: for what real servers never do, and to see what is asked.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::Record;

/// A server that answers as it is told.
pub(crate) struct Faulty {
    pub(crate) at: SocketAddr,
    names: mpsc::Receiver<String>,
}

impl Faulty {
    /// Answers over UDP alone. It runs until the process ends: nothing tells a thread that waits for a datagram to stop.
    pub(crate) fn start(mut reply: impl FnMut(&Message) -> Option<Message> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        Self::on(socket, move |query| Some(reply(query)?.to_vec().unwrap()))
    }

    /// Sends these bytes, an answer or not, over UDP; what is asked over TCP at the same port, `stream` answers.
    pub(crate) fn bytes(
        reply: impl FnMut(&Message) -> Option<Vec<u8>> + Send + 'static,
        stream: impl Fn(&Message, &mut TcpStream) -> io::Result<()> + Clone + Send + 'static,
    ) -> Self {
        let (socket, listener) = loop {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()) {
                break (socket, listener);
            }
        };
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (mut connection, stream) = (connection.unwrap(), stream.clone());
                // Until the other side closes it.
                std::thread::spawn(move || while answered(&mut connection, &stream).is_ok() {});
            }
        });
        Self::on(socket, reply)
    }

    fn on(socket: UdpSocket, mut reply: impl FnMut(&Message) -> Option<Vec<u8>> + Send + 'static) -> Self {
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
                    socket.send_to(&reply, from).unwrap();
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

/// One question, which stands behind its length (RFC 1035 §4.2.2), and what `stream` says to it.
fn answered(
    connection: &mut TcpStream,
    stream: impl Fn(&Message, &mut TcpStream) -> io::Result<()>,
) -> io::Result<()> {
    let mut length = [0; 2];
    connection.read_exact(&mut length)?;
    let mut question = vec![0; u16::from_be_bytes(length).into()];
    connection.read_exact(&mut question)?;
    stream(&Message::from_vec(&question).unwrap(), connection)
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
