//! What `options` of a start-up packet set.

/// The settings in `options`, by name and value.
pub(super) fn settings(options: &str) -> Vec<(String, String)> {
    let mut words = words(options).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(setting), _) => setting.to_owned(),
            (None, Some("")) => words.next().unwrap_or_default(),
            (None, Some(setting)) => setting.to_owned(),
            (None, None) => continue,
        };
        if let Some((name, value)) = setting.split_once('=') {
            // `ParseLongOption` takes a dash in a name for an underscore.
            settings.push((name.replace('-', "_"), value.to_owned()));
        }
    }
    settings
}

/// The words of `options`, between which there is white space that no backslash stands before
/// (`pg_split_opts`).
fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        if c.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let meant = if c == '\\' { chars.next() } else { Some(c) };
        word.get_or_insert_default().extend(meant);
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_however_it_is_written() {
        let found = settings(r"-c a-b=c\ d -ce=f --G=h -i j -c k");
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("a_b", "c d"), ("e", "f"), ("G", "h")]);
    }
}
