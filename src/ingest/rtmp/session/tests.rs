use super::*;

/// A session behind its handshake.
fn greeted() -> Session {
    let mut session = Session::new(1 << 20);
    let hello = [&[3][..], &[0; 1536]].concat();
    session.input().extend_from_slice(&hello);
    session.advance(hello.len()).unwrap();
    assert_eq!(session.take_output().len(), 1 + 2 * 1536);
    give(&mut session, &[0; 1536]).unwrap();
    session
}

fn give(session: &mut Session, bytes: &[u8]) -> Result<(), ConnectionFault> {
    session.input().extend_from_slice(bytes);
    session.advance(bytes.len())
}

fn message(kind: u8, stream: u32, payload: impl Into<Bytes>) -> Vec<u8> {
    let mut out = BytesMut::new();
    write_chunks(&mut out, 5, &Message { kind, stream, timestamp: 7, payload: payload.into() });
    out.to_vec()
}

fn call(name: &str, id: f64, values: Vec<Value>) -> Vec<u8> {
    message(kind::COMMAND, 1, command::call(name, id, values))
}

fn connect() -> Vec<u8> {
    call("connect", 1.0, vec![Value::object([("app", Value::text("news?a=b"))])])
}

fn publish(name: &str) -> Vec<u8> {
    call("publish", 5.0, vec![Value::Null, Value::text(name), Value::text("live")])
}

/// What is answered: commands by name, code and description; control messages by their type.
fn answers(session: &mut Session) -> Vec<String> {
    let mut input = BytesMut::from(&session.take_output()[..]);
    let limits = ChunkLimits { message_bytes: 10_000, held_bytes: 10_000, streams: 8 };
    let mut reader = ChunkReader::new(limits);
    let mut out = Vec::new();
    while let Some(message) = reader.next(&mut input).unwrap() {
        if message.kind != kind::COMMAND {
            out.push(format!("{} {:?}", message.kind, &message.payload[..]));
            continue;
        }
        let command = Command::read(&message.payload).unwrap();
        let info = command.argument(0).cloned().unwrap_or(Value::Null);
        let text = |name| info.get(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        let number = info.as_number().map(|n| n.to_string()).unwrap_or_default();
        let id = command.transaction;
        let line =
            format!("{} {id} {}{number} {}", command.name, text("code"), text("description"));
        out.push(line.trim_end().to_owned());
    }
    assert!(input.is_empty());
    out
}

/// A session that publishes on message stream 1.
fn publishing() -> Session {
    let mut session = greeted();
    give(&mut session, &connect()).unwrap();
    give(&mut session, &publish("one")).unwrap();
    assert!(matches!(session.poll_event(), Some(Event::Publish { .. })));
    session.accept();
    session.advance(0).unwrap();
    session.take_output();
    session
}

fn media(session: &mut Session) -> Vec<(MediaKind, u32, Vec<u8>)> {
    let events = std::iter::from_fn(|| session.poll_event());
    let media = events.filter_map(|event| match event {
        Event::Media(media) => Some((media.kind, media.timestamp, media.body.to_vec())),
        _ => None,
    });
    media.collect()
}

#[test]
fn an_encoder_connects_and_publishes() {
    let mut session = greeted();
    give(&mut session, &connect()).unwrap();
    let greeting = answers(&mut session);
    assert_eq!(greeting[0], "5 [0, 38, 37, 160]");
    assert_eq!(greeting[1], "6 [0, 38, 37, 160, 2]");
    assert_eq!(greeting[2], "4 [0, 0, 0, 0, 0, 0]");
    assert_eq!(greeting[3], "_result 1 NetConnection.Connect.Success connected");
    for (name, id) in [("releaseStream", 2.0), ("FCPublish", 3.0)] {
        give(&mut session, &call(name, id, vec![Value::Null, Value::text("one")])).unwrap();
    }
    give(&mut session, &call("createStream", 4.0, vec![Value::Null])).unwrap();
    assert_eq!(answers(&mut session), ["_result 2", "_result 3", "_result 4 1"]);
    give(&mut session, &publish("one?input=2")).unwrap();
    let Some(Event::Publish { app, name, .. }) = session.poll_event() else { panic!("a publish") };
    assert_eq!((&*app, &*name), ("news?a=b", "one?input=2"));
    assert_eq!(answers(&mut session), [""; 0], "it waits for its answer");
    session.accept();
    let started = answers(&mut session);
    assert_eq!(started[1], "onStatus 0 NetStream.Publish.Start publishing");
    give(&mut session, &message(kind::AUDIO, 1, &b"sound"[..])).unwrap();
    assert_eq!(media(&mut session), [(MediaKind::Audio, 7, b"sound".to_vec())]);
    give(&mut session, &call("FCUnpublish", 6.0, vec![Value::Null, Value::text("one")])).unwrap();
    assert!(matches!(session.poll_event(), Some(Event::Unpublish)));
    let ended = answers(&mut session);
    assert_eq!(ended, ["onStatus 0 NetStream.Unpublish.Success published no more", "_result 6"]);
    give(&mut session, &message(kind::AUDIO, 1, &b"late"[..])).unwrap();
    assert!(session.poll_event().is_none(), "nothing is published any more");
}

#[test]
fn media_that_comes_with_publish_is_taken_once_that_is_answered() {
    let mut session = greeted();
    let large = vec![9; 100_000];
    let all = [connect(), publish("one"), message(kind::VIDEO, 1, large.clone())].concat();
    give(&mut session, &all).unwrap();
    assert!(matches!(session.poll_event(), Some(Event::Publish { .. })));
    assert!(session.poll_event().is_none());
    session.accept();
    session.advance(0).unwrap();
    assert_eq!(media(&mut session), [(MediaKind::Video, 7, large)]);
}

#[test]
fn refusals_say_why() {
    let mut session = greeted();
    give(&mut session, &publish("one")).unwrap();
    assert!(answers(&mut session)[0].contains("NetConnection.Connect.Rejected"));
    give(&mut session, &connect()).unwrap();
    answers(&mut session);
    give(&mut session, &call("play", 0.0, vec![Value::Null, Value::text("one")])).unwrap();
    assert!(answers(&mut session)[0].contains("NetStream.Play.Failed this listener only takes"));
    give(&mut session, &call("publish", 0.0, vec![Value::Null])).unwrap();
    assert!(answers(&mut session)[0].contains("BadName publish names no stream"));
    give(&mut session, &call("_checkbw", 9.0, vec![])).unwrap();
    assert_eq!(
        answers(&mut session),
        ["_error 9 NetConnection.Call.Failed _checkbw is not known here"]
    );
    give(&mut session, &publish("one")).unwrap();
    session.refuse(Status::PublishBadName, "there is no channel news/one");
    assert_eq!(
        answers(&mut session),
        ["onStatus 0 NetStream.Publish.BadName there is no channel news/one"]
    );
    let mut session = publishing();
    give(&mut session, &publish("two")).unwrap();
    assert!(answers(&mut session)[0].contains("open another for another rung"));
    assert!(session.poll_event().is_none());
}

#[test]
fn streams_that_are_created_are_counted_and_bounded() {
    let mut session = greeted();
    give(&mut session, &connect()).unwrap();
    answers(&mut session);
    for n in 1..=17 {
        give(&mut session, &call("createStream", 4.0, vec![Value::Null])).unwrap();
        let expected = if n <= 16 { format!("_result 4 {n}") } else { "_error 4".to_owned() };
        assert!(answers(&mut session)[0].starts_with(&expected));
    }
    // The stream that publishes is 1; deleting another changes nothing.
    give(&mut session, &publish("one")).unwrap();
    session.poll_event();
    session.accept();
    let delete = |n| call("deleteStream", 0.0, vec![Value::Null, Value::Number(n)]);
    give(&mut session, &delete(2.0)).unwrap();
    assert!(session.poll_event().is_none());
    give(&mut session, &delete(1.0)).unwrap();
    assert!(matches!(session.poll_event(), Some(Event::Unpublish)));
}

#[test]
fn metadata_comes_as_both_forms_and_through_amf3_messages() {
    let object = || Value::object([("framerate", Value::Number(25.0))]);
    let mut set = BytesMut::new();
    let values = [Value::text("@setDataFrame"), Value::text("onMetaData"), object()];
    for value in &values {
        value.write(&mut set);
    }
    let plain = set.split_off(3 + "@setDataFrame".len());
    let set = [&set[..], &plain].concat();
    let amf3 = [&[0][..], &set].concat();
    for (kind, body) in [(kind::DATA, set), (kind::DATA, plain.to_vec()), (kind::DATA_AMF3, amf3)] {
        let mut session = publishing();
        give(&mut session, &message(kind, 1, body)).unwrap();
        let Some(Event::Metadata(Ok(value))) = session.poll_event() else { panic!("metadata") };
        assert_eq!(value, object());
    }
    let mut session = publishing();
    give(&mut session, &message(kind::DATA, 1, &b"\x04"[..])).unwrap();
    assert!(matches!(session.poll_event(), Some(Event::Metadata(Err(_)))));
    let body = [&[0][..], &command::call("createStream", 8.0, [Value::Null])].concat();
    give(&mut session, &message(kind::COMMAND_AMF3, 0, body)).unwrap();
    assert_eq!(answers(&mut session), ["_result 8 1"]);
    let fault = give(&mut session, &message(kind::COMMAND_AMF3, 0, &b"\x0a"[..]));
    assert_eq!(fault, Err(ConnectionFault::Message { kind: 17 }));
}

#[test]
fn a_connection_connects_once() {
    let mut session = greeted();
    give(&mut session, &connect()).unwrap();
    answers(&mut session);
    give(&mut session, &connect()).unwrap();
    let refused = "_error 1 NetConnection.Connect.Rejected the connection is connected already";
    assert_eq!(answers(&mut session), [refused]);
    assert_eq!(session.app.as_deref(), Some("news?a=b"));
}

#[test]
fn aggregates_hold_messages_whose_times_are_relative() {
    let tag = |kind: u8, at: u8, body: &[u8]| {
        let head = [kind, 0, 0, body.len() as u8, 0, 0, at, 0, 0, 0, 0];
        [&head[..], body, &(11 + body.len() as u32).to_be_bytes()].concat()
    };
    let mut session = publishing();
    let body = [tag(8, 100, b"a"), tag(9, 140, b"bc")].concat();
    give(&mut session, &message(kind::AGGREGATE, 1, body.clone())).unwrap();
    let expected = [(MediaKind::Audio, 7, b"a".to_vec()), (MediaKind::Video, 47, b"bc".to_vec())];
    assert_eq!(media(&mut session), expected);
    let crowd = tag(8, 100, b"").repeat(1_001);
    for broken in [body[..20].to_vec(), crowd] {
        let mut session = publishing();
        let fault = give(&mut session, &message(kind::AGGREGATE, 1, broken));
        assert_eq!(fault, Err(ConnectionFault::Message { kind: 22 }));
    }
}

#[test]
fn pings_are_answered_and_what_is_received_is_acknowledged() {
    let mut session = publishing();
    give(&mut session, &message(kind::USER_CONTROL, 0, &b"\0\x06\x01\x02\x03\x04"[..])).unwrap();
    assert_eq!(answers(&mut session), ["4 [0, 7, 1, 2, 3, 4]"]);
    let received = session.received;
    give(&mut session, &message(kind::WINDOW_SIZE, 0, 100_000_u32.to_be_bytes().to_vec())).unwrap();
    let mut told = Vec::new();
    while told.is_empty() {
        give(&mut session, &message(kind::AUDIO, 1, vec![0; 9_000])).unwrap();
        session.poll_event();
        told = answers(&mut session);
    }
    assert_eq!(told, [format!("3 {:?}", session.received.to_be_bytes())]);
    assert!(
        session.received - received > 80_000,
        "a small window is not acknowledged byte by byte"
    );
}

#[test]
fn messages_are_short_until_a_publish_is_taken() {
    let mut session = greeted();
    give(&mut session, &connect()).unwrap();
    let fault = give(&mut session, &message(kind::VIDEO, 1, vec![0; COMMAND_BYTES + 1]));
    assert!(matches!(fault, Err(ConnectionFault::Chunk(_))), "{fault:?}");
    let mut session = publishing();
    give(&mut session, &message(kind::VIDEO, 1, vec![0; 1 << 20])).unwrap();
    let fault = give(&mut session, &message(kind::VIDEO, 1, vec![0; (1 << 20) + 1]));
    assert!(fault.unwrap_err().to_string().contains("1048576 are allowed"));
}
