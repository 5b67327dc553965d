//! The types: which columns can have, which only values of a query, and which nothing can.

/// The types of columns, as `format_type` names them (Aurora DSQL documentation, Supported data
/// types; json and jsonb as a cluster takes them since 2026).
pub(super) const TYPES: [&str; 21] = [
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "numeric",
    "character",
    "character varying",
    "bpchar",
    "text",
    "date",
    "time without time zone",
    "time with time zone",
    "timestamp without time zone",
    "timestamp with time zone",
    "interval",
    "boolean",
    "bytea",
    "uuid",
    "json",
    "jsonb",
];

/// Whether a type of PostgreSQL's is one that columns cannot have. What is neither allowed nor here
/// may be a domain.
pub(super) fn is_type_refused(name: &str) -> bool {
    TYPES_WITHOUT_VALUES.contains(&name) || TYPES_OF_QUERIES.contains(&name)
}

/// The types that columns cannot have, but values have while a query runs (ranges and text search
/// are reported so).
const TYPES_OF_QUERIES: [&str; 46] = [
    "inet",
    "pg_lsn",
    "pg_snapshot",
    "txid_snapshot",
    "oid",
    "regclass",
    "regproc",
    "regprocedure",
    "regtype",
    "regrole",
    "regnamespace",
    "regconfig",
    "regdictionary",
    "regoper",
    "regoperator",
    "regcollation",
    "xid",
    "xid8",
    "cid",
    "tid",
    "name",
    "\"char\"",
    "int2vector",
    "oidvector",
    "aclitem",
    "refcursor",
    "pg_node_tree",
    "pg_ndistinct",
    "pg_dependencies",
    "pg_mcv_list",
    "jsonpath",
    "tsvector",
    "tsquery",
    "gtsvector",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
];

/// The types that PostgreSQL has and no value of which can be made: no cast leads to them (Aurora
/// DSQL documentation, Supported data types).
pub(super) const TYPES_WITHOUT_VALUES: [&str; 14] = [
    "money",
    "xml",
    "cidr",
    "macaddr",
    "macaddr8",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "bit",
    "bit varying",
];

/// Types of texts, what the service calls them, and how long they may be declared (reported; of
/// `bpchar` documented, which is `char` by another name).
pub(super) const SIZES: [(&str, &str, u64); 3] = [
    ("character", "char", 4_096),
    ("bpchar", "char", 4_096),
    ("character varying", "varchar", 65_535),
];

/// How large the numbers of a column are that does not say it (Aurora DSQL User Guide, Supported
/// data types: where a table is created or a column added).
pub(super) const NUMERIC: &str = "(18,6)";

/// Functions that make values of types that the service does not have.
pub(super) const TYPES_AS_FUNCTIONS: [&str; 7] =
    ["point", "line", "lseg", "box", "path", "polygon", "circle"];

/// Functions that make texts in XML, the type of which no value can be made.
pub(super) const FUNCTIONS_OF_XML: [&str; 16] = [
    "xmlelement",
    "xmlforest",
    "xmlconcat",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlcomment",
    "xmlagg",
    "xmlexists",
    "xmltable",
    "xpath",
    "query_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_is_allowed_and_refused() {
        assert!(TYPES.iter().all(|allowed| !is_type_refused(allowed)));
        assert!(TYPES_WITHOUT_VALUES.iter().all(|refused| is_type_refused(refused)));
        assert!(TYPES_WITHOUT_VALUES.iter().all(|name| !TYPES_OF_QUERIES.contains(name)));
    }
}
