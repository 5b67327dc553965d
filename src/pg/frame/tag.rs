//! What a frame is, by the byte that it begins with and the side that it came from.

/// PostgreSQL's own bound for one message (`MaxAllocSize`, memutils.h).
const LONGEST: usize = 0x3fff_ffff;

/// The longest of the server's messages other than rows, errors and the like: libpq's limit
/// (fe-protocol3.c, 30000).
const LONGEST_SMALL: usize = 30_000;

/// One side's tags.
pub(crate) trait Tag: Copy {
    /// What begins with this byte; nothing where no message of this side does.
    fn of(byte: u8) -> Option<Self>;

    /// The greatest length that a message of this kind may announce.
    fn longest(self) -> usize;
}

/// What a client's frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientTag {
    Query,
    Parse,
    Bind,
    Describe,
    Execute,
    Close,
    Flush,
    Sync,
    CopyData,
    CopyDone,
    CopyFail,
    FunctionCall,
    /// Any answer to an authentication request.
    Password,
    Terminate,
    Unknown(u8),
}

impl Tag for ClientTag {
    /// Whatever a client says is answered, if only by an error.
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'Q' => Self::Query,
            b'P' => Self::Parse,
            b'B' => Self::Bind,
            b'D' => Self::Describe,
            b'E' => Self::Execute,
            b'C' => Self::Close,
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'd' => Self::CopyData,
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail,
            b'F' => Self::FunctionCall,
            b'p' => Self::Password,
            b'X' => Self::Terminate,
            other => Self::Unknown(other),
        })
    }

    fn longest(self) -> usize {
        LONGEST
    }
}

/// What a server's frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerTag {
    Authentication,
    Negotiation,
    Key,
    Row,
    RowDescription,
    ParameterDescription,
    NoData,
    ParseComplete,
    BindComplete,
    CloseComplete,
    CommandComplete,
    EmptyQuery,
    PortalSuspended,
    FunctionResult,
    CopyIn,
    CopyOut,
    CopyBoth,
    CopyData,
    CopyDone,
    Error,
    Notice,
    Notification,
    Parameter,
    Ready,
}

/// Every tag of a server, its byte, and its message's name (PostgreSQL documentation, 54.7).
const SERVER_TAGS: [(ServerTag, u8, &str); 24] = [
    (ServerTag::Authentication, b'R', "Authentication"),
    (ServerTag::Negotiation, b'v', "NegotiateProtocolVersion"),
    (ServerTag::Key, b'K', "BackendKeyData"),
    (ServerTag::Row, b'D', "DataRow"),
    (ServerTag::RowDescription, b'T', "RowDescription"),
    (ServerTag::ParameterDescription, b't', "ParameterDescription"),
    (ServerTag::NoData, b'n', "NoData"),
    (ServerTag::ParseComplete, b'1', "ParseComplete"),
    (ServerTag::BindComplete, b'2', "BindComplete"),
    (ServerTag::CloseComplete, b'3', "CloseComplete"),
    (ServerTag::CommandComplete, b'C', "CommandComplete"),
    (ServerTag::EmptyQuery, b'I', "EmptyQueryResponse"),
    (ServerTag::PortalSuspended, b's', "PortalSuspended"),
    (ServerTag::FunctionResult, b'V', "FunctionCallResponse"),
    (ServerTag::CopyIn, b'G', "CopyInResponse"),
    (ServerTag::CopyOut, b'H', "CopyOutResponse"),
    (ServerTag::CopyBoth, b'W', "CopyBothResponse"),
    (ServerTag::CopyData, b'd', "CopyData"),
    (ServerTag::CopyDone, b'c', "CopyDone"),
    (ServerTag::Error, b'E', "ErrorResponse"),
    (ServerTag::Notice, b'N', "NoticeResponse"),
    (ServerTag::Notification, b'A', "NotificationResponse"),
    (ServerTag::Parameter, b'S', "ParameterStatus"),
    (ServerTag::Ready, b'Z', "ReadyForQuery"),
];

/// The tags by their bytes: a look-up for each of many thousand frames a second.
const BY_BYTE: [Option<ServerTag>; 256] = {
    let mut tags = [None; 256];
    let mut at = 0;
    while at < SERVER_TAGS.len() {
        tags[SERVER_TAGS[at].1 as usize] = Some(SERVER_TAGS[at].0);
        at += 1;
    }
    tags
};

impl Tag for ServerTag {
    /// Whoever begins with another byte is no PostgreSQL server.
    fn of(byte: u8) -> Option<Self> {
        BY_BYTE[usize::from(byte)]
    }

    /// A long message of a kind that has no reason to be long is a sign that its bytes are none of
    /// a message: a mail server's `220 ` would announce 800 megabytes.
    fn longest(self) -> usize {
        match self {
            Self::Row
            | Self::RowDescription
            // A statement can have 65535 parameters, of which each takes four bytes here.
            | Self::ParameterDescription
            | Self::FunctionResult
            | Self::CopyData
            | Self::Error
            | Self::Notice
            | Self::Notification => LONGEST,
            _ => LONGEST_SMALL,
        }
    }
}

impl ServerTag {
    /// The message's name in PostgreSQL's documentation.
    pub(crate) fn name(self) -> &'static str {
        // The table has the order of the enum; a test holds them together.
        SERVER_TAGS[self as usize].2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_tag_at_its_place() {
        for (place, (tag, byte, name)) in SERVER_TAGS.into_iter().enumerate() {
            assert_eq!((tag as usize, ServerTag::of(byte), tag.name()), (place, Some(tag), name));
        }
    }
}
