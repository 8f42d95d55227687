//! Commands: what encoders call, and what they are answered (RTMP 1.0 §7.2; Enhanced RTMP v2,
//! "Enhancing NetConnection connect Command").

use bytes::{Bytes, BytesMut};

use super::amf::{AmfFault, Value, read_all};
use super::tag::{AUDIO_CODINGS, VIDEO_CODINGS};

/// `FourCcInfoMask.CanForward`: media goes on to players as it comes.
const CAN_FORWARD: f64 = 4.0;
/// `CapsExMask`: Multitrack, ModEx and TimestampNanoOffset.
const CAPS_EX: f64 = 14.0;

/// A command message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    pub(super) name: String,
    pub(super) transaction: f64,
    /// The command object.
    pub(super) object: Value,
    arguments: Vec<Value>,
}

impl Command {
    /// Reads a command message.
    ///
    /// # Errors
    /// Where it is none.
    pub(super) fn read(payload: &[u8]) -> Result<Self, AmfFault> {
        let mut values = read_all(payload)?.into_iter();
        let Some(Value::String(name)) = values.next() else { return Err(AmfFault::Short) };
        let transaction = values.next().and_then(|value| value.as_number()).unwrap_or(0.0);
        let object = values.next().unwrap_or(Value::Null);
        Ok(Command { name, transaction, object, arguments: values.collect() })
    }

    /// An argument behind the command object.
    pub(super) fn argument(&self, at: usize) -> Option<&Value> {
        self.arguments.get(at)
    }
}

/// What an encoder is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    CallFailed,
    ConnectRejected,
    ConnectSuccess,
    PlayFailed,
    /// The name is nobody's, or somebody else publishes there.
    PublishBadName,
    /// It may not publish, or no longer.
    PublishRejected,
    PublishStart,
    UnpublishSuccess,
}

impl Status {
    /// The code, and whether it is an error.
    fn code(self) -> (&'static str, bool) {
        match self {
            Status::CallFailed => ("NetConnection.Call.Failed", true),
            Status::ConnectRejected => ("NetConnection.Connect.Rejected", true),
            Status::ConnectSuccess => ("NetConnection.Connect.Success", false),
            Status::PlayFailed => ("NetStream.Play.Failed", true),
            Status::PublishBadName => ("NetStream.Publish.BadName", true),
            Status::PublishRejected => ("NetStream.Publish.Rejected", true),
            Status::PublishStart => ("NetStream.Publish.Start", false),
            Status::UnpublishSuccess => ("NetStream.Unpublish.Success", false),
        }
    }

    /// The information object.
    pub(super) fn info(self, description: &str) -> Value {
        let (code, error) = self.code();
        Value::object([
            ("level", Value::text(if error { "error" } else { "status" })),
            ("code", Value::text(code)),
            ("description", Value::text(description)),
        ])
    }
}

/// A command's message: an answer, or what is told unasked.
pub(super) fn call(name: &str, transaction: f64, values: impl IntoIterator<Item = Value>) -> Bytes {
    let mut out = BytesMut::new();
    Value::text(name).write(&mut out);
    Value::Number(transaction).write(&mut out);
    values.into_iter().for_each(|value| value.write(&mut out));
    out.freeze()
}

/// The answer to `connect`. What is understood beyond RTMP 1.0 stands in both of its objects, as
/// Enhanced RTMP does not say in which.
pub(super) fn connected(command: &Command) -> Bytes {
    let encoding = command.object.get("objectEncoding").and_then(Value::as_number).unwrap_or(0.0);
    let (video, audio) = (VIDEO_CODINGS.iter(), AUDIO_CODINGS.iter());
    let all =
        video.clone().chain(audio.clone()).map(|(four_cc, _)| Value::text(&four_cc.to_string()));
    let map = |codings: std::slice::Iter<'_, _>| {
        let forward = |(four_cc, _): &(crate::isobmff::FourCc, _)| {
            (four_cc.to_string(), Value::Number(CAN_FORWARD))
        };
        Value::Object(codings.map(forward).collect())
    };
    let enhanced = [
        ("fourCcList".to_owned(), Value::Array(all.collect())),
        ("videoFourCcInfoMap".to_owned(), map(video)),
        ("audioFourCcInfoMap".to_owned(), map(audio)),
        ("capsEx".to_owned(), Value::Number(CAPS_EX)),
    ];
    let mut properties = Value::object([
        // What encoders look for before they send AAC.
        ("fmsVer", Value::text("FMS/3,0,1,123")),
        ("capabilities", Value::Number(31.0)),
    ]);
    let mut info = Status::ConnectSuccess.info("connected");
    if let (Value::Object(properties), Value::Object(info)) = (&mut properties, &mut info) {
        info.push(("objectEncoding".to_owned(), Value::Number(encoding)));
        properties.extend(enhanced.clone());
        info.extend(enhanced);
    }
    call("_result", command.transaction, [properties, info])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_and_written() {
        let body = call("publish", 5.0, [Value::Null, Value::text("one"), Value::text("live")]);
        let command = Command::read(&body).unwrap();
        assert_eq!((&*command.name, command.transaction), ("publish", 5.0));
        assert_eq!(command.argument(0), Some(&Value::text("one")));
        assert_eq!(command.argument(2), None);
        assert_eq!(Command::read(b"\x05"), Err(AmfFault::Short));
    }

    #[test]
    fn the_answer_to_connect_names_what_enhanced_rtmp_may_send() {
        let object = Value::object([("objectEncoding", Value::Number(3.0))]);
        let command = Command::read(&call("connect", 1.0, [object])).unwrap();
        let answer = Command::read(&connected(&command)).unwrap();
        assert_eq!((&*answer.name, answer.transaction), ("_result", 1.0));
        let info = answer.argument(0).unwrap();
        assert_eq!(info.get("code"), Some(&Value::text("NetConnection.Connect.Success")));
        assert_eq!(info.get("objectEncoding"), Some(&Value::Number(3.0)));
        for object in [&answer.object, info] {
            let Some(Value::Array(list)) = object.get("fourCcList") else { panic!("a list") };
            assert!(list.contains(&Value::text("hvc1")) && list.contains(&Value::text("Opus")));
            let video = object.get("videoFourCcInfoMap").unwrap();
            assert_eq!(video.get("av01"), Some(&Value::Number(4.0)));
            assert!(video.get("Opus").is_none());
            assert_eq!(object.get("capsEx"), Some(&Value::Number(14.0)));
        }
    }
}
