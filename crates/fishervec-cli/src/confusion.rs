//! The confusion matrix as text.

use fishervec::ndarray::Array2;

/// The largest number of classes for which the matrix is printed; more do not fit a screen.
const TABLE: usize = 24;
/// The widest table.
const WIDTH: usize = 100;

/// The matrix with the names of classes. They stand over the columns too where they fit; if not, the columns
/// have their numbers.
pub(crate) fn table(confusion: &Array2<u64>, classes: &[String]) -> String {
    if classes.len() > TABLE {
        return "\nconfusion    too many classes for a table; use --json".to_owned();
    }
    let numbers: Vec<String> = (1..=classes.len()).map(|number| number.to_string()).collect();
    let counts: Vec<Vec<String>> =
        confusion.rows().into_iter().map(|row| row.iter().map(u64::to_string).collect()).collect();
    let length = |text: &String| text.chars().count();
    let longest = |texts: &[String]| texts.iter().map(length).max().unwrap_or(0);
    let head = longest(classes);
    let widths = |heads: &[String]| -> Vec<usize> {
        let of_column = |(i, name): (usize, &String)| {
            counts.iter().map(|row| length(&row[i])).chain([length(name)]).max().unwrap_or(0)
        };
        heads.iter().enumerate().map(of_column).collect()
    };
    let fits = head + widths(classes).iter().map(|width| width + 1).sum::<usize>() <= WIDTH;
    let (columns, heads) = match fits {
        true => (classes, classes.to_vec()),
        false => {
            let numbered = numbers.iter().zip(classes).map(|(number, name)| format!("{name} ({number})"));
            (&numbers[..], numbered.collect())
        }
    };
    let (widths, head) = (widths(columns), longest(&heads));
    let line = |name: &str, cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:>width$}"));
        format!("\n{name:>head$}{}", cells.collect::<String>())
    };
    let rows = heads.iter().zip(&counts).map(|(name, row)| line(name, row));
    format!(
        "\n\nConfusion matrix (rows: true label, columns: predicted label){}{}",
        line("", columns),
        rows.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use fishervec::ndarray::array;

    #[test]
    fn names_are_whole_and_number_the_columns_where_they_do_not_fit() {
        let classes = ["lung adenocarcinoma", "lung squamous cell"].map(str::to_owned);
        let text = table(&array![[10, 2], [0, 7]], &classes);
        let expected = "
                    lung adenocarcinoma lung squamous cell
lung adenocarcinoma                  10                  2
 lung squamous cell                   0                  7";
        assert!(text.ends_with(expected), "{text}");
        let classes = ["a", "b"].map(|letter| letter.repeat(60));
        let text = table(&array![[10, 2], [0, 7]], &classes);
        let [a, b] = &classes;
        assert!(text.ends_with(&format!("\n{:64}  1 2\n{a} (1) 10 2\n{b} (2)  0 7", "")), "{text}");
    }
}
