//! Paths as a shell reads them, for the commands that messages suggest.

use std::path::Path;

/// The path as one word of a shell's command line; `None` for a path that has no printable form.
pub(crate) fn word(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control))?;
    // Such a name would be taken for an option.
    let text = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Some(text);
    }
    Some(format!("'{}'", text.replace('\'', r"'\''")))
}

/// The paths as words, if they are few and short; otherwise the placeholder `INPUT`.
pub(crate) fn words_or_input<P: AsRef<Path>>(paths: &[P]) -> String {
    const MOST: usize = 60;
    let words: Option<Vec<String>> = paths.iter().map(|path| word(path.as_ref())).collect();
    words.map(|words| words.join(" ")).filter(|line| line.len() <= MOST).unwrap_or("INPUT".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_expand_them() {
        let quoted = |text: &str| word(Path::new(text)).unwrap();
        assert_eq!(quoted("data/a-1_b.npy"), "data/a-1_b.npy");
        assert_eq!(quoted("my clips/"), "'my clips/'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted("-k.npy"), "./-k.npy");
        assert_eq!(word(Path::new("a\nb")), None);
    }

    #[test]
    fn many_inputs_are_not_spelled_out() {
        assert_eq!(words_or_input(&["a b", "c"]), "'a b' c");
        assert_eq!(words_or_input(&["a-rather-long-name.npy"; 9]), "INPUT");
    }
}
