use crate::gateway::Parameter;
pub(super) fn with_parameters(sql: &str, _parameters: &[Parameter]) -> String {
    sql.to_owned()
}
