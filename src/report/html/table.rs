//! The frame of a table: where it is too wide, it scrolls by itself and can be reached by the keyboard.

use maud::{Markup, html};

/// A column, by its heading.
pub(super) enum Column<'w> {
    Text(&'w str),
    Number(&'w str),
}

/// `id` is that of the caption, `bodies` the groups of rows.
pub(super) fn table(id: &str, caption: &str, columns: &[Column<'_>], bodies: &Markup) -> Markup {
    html! {
        div class="scroll" role="region" aria-labelledby=(id) tabindex="0" {
            table {
                caption id=(id) { (caption) }
                thead {
                    tr {
                        @for column in columns {
                            @match column {
                                Column::Text(heading) => th scope="col" { (heading) },
                                Column::Number(heading) => th scope="col" class="n" { (heading) },
                            }
                        }
                    }
                }
                (bodies)
            }
        }
    }
}
