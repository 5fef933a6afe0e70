//! Which part of the screen goes where; shared by the pure part, which must know heights, and by the views.

use ratatui::layout::Rect;

use super::keymap::Place;
use super::state::Preview;

/// The parts of the screen. A part that did not fit is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Areas {
    pub header: Option<Rect>,
    /// Column titles of the sessions, tabs of the event, the axis of a waterfall.
    pub titles: Option<Rect>,
    /// The list or the text that has the keys.
    pub list: Rect,
    /// The pane beside the list.
    pub side: Option<Rect>,
    pub minimap: Option<Rect>,
    pub status: Option<Rect>,
    pub hints: Option<Rect>,
}

/// From here on the preview is shown beside the list.
pub(crate) const PREVIEW_FROM: u16 = 100;
/// From here on the minimap has a line.
const MINIMAP_FROM: u16 = 20;
/// From here on a waterfall has room for its bars, and for an axis above them.
const AXIS_FROM: u16 = 60;
/// Less than this shows nothing that can be read.
const NARROWEST: u16 = 8;

/// Divides the screen; `None` where it is too small for anything.
///
/// What goes first on a small screen: preview, minimap, titles, header, hints, status.
pub(crate) fn areas(columns: u16, rows: u16, place: Place, preview: Option<&Preview>, axis: bool) -> Option<Areas> {
    if columns < NARROWEST || rows == 0 {
        return None;
    }
    let mut top = 0;
    let mut left = rows;
    let header = (rows >= 5).then(|| take_top(&mut top, &mut left, columns));
    let hints = (rows >= 4).then(|| take_bottom(top, &mut left, columns));
    let status = (rows >= 3).then(|| take_bottom(top, &mut left, columns));
    let timeline = place == Place::Timeline;
    let minimap = (timeline && rows >= MINIMAP_FROM).then(|| take_bottom(top, &mut left, columns));
    let axis = axis && columns >= AXIS_FROM;
    let titles = ((!timeline || axis) && rows >= 8).then(|| take_top(&mut top, &mut left, columns));
    let body = Rect::new(0, top, columns, left);
    let (list, side) = match preview.filter(|preview| timeline && preview.on) {
        Some(preview) if columns >= PREVIEW_FROM => split(body, preview),
        _ => (body, None),
    };
    Some(Areas { header, titles, list, side, minimap, status, hints })
}

fn take_top(top: &mut u16, left: &mut u16, columns: u16) -> Rect {
    let area = Rect::new(0, *top, columns, 1);
    *top += 1;
    *left -= 1;
    area
}

fn take_bottom(top: u16, left: &mut u16, columns: u16) -> Rect {
    *left -= 1;
    Rect::new(0, top + *left, columns, 1)
}

fn split(body: Rect, preview: &Preview) -> (Rect, Option<Rect>) {
    if preview.zoom {
        // The list keeps its height, so that the cursor does not move when it comes back.
        return (Rect { width: 0, ..body }, Some(body));
    }
    // A list that is wide enough for all its columns can spare more.
    let wide = if body.width < 140 { body.width / 3 } else { body.width * 2 / 5 };
    let list = Rect { width: body.width - wide, ..body };
    (list, Some(Rect { x: list.width, width: wide, ..body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_overlaps_another_and_the_list_always_has_a_line() {
        let preview = Preview { on: true, ..Preview::default() };
        for columns in 8..140 {
            for rows in 1..60 {
                for place in Place::ALL {
                    let areas = areas(columns, rows, place, Some(&preview), rows % 2 == 0).expect("fits");
                    let lines = [areas.header, areas.titles, areas.minimap, areas.status, areas.hints];
                    let single = lines.iter().flatten().count() as u16;
                    assert_eq!(single + areas.list.height, rows);
                    assert!(areas.list.height >= 1);
                    assert_eq!(areas.list.width + areas.side.map_or(0, |side| side.width), columns);
                }
            }
        }
    }

    #[test]
    fn hints_outlive_the_header_and_nothing_fits_into_seven_columns() {
        let parts = |rows| areas(80, rows, Place::Sessions, None, false).expect("fits");
        assert!(parts(4).header.is_none() && parts(4).hints.is_some());
        assert!(parts(3).hints.is_none() && parts(3).status.is_some());
        assert!(areas(7, 24, Place::Sessions, None, false).is_none());
        assert!(
            areas(99, 24, Place::Timeline, Some(&Preview { on: true, ..Preview::default() }), false)
                .expect("fits")
                .side
                .is_none()
        );
    }
}
