use crate::labels::Labels;
use crate::resolve::Find;
use crate::view::View;
pub(super) fn find(_view: &View, _labels: &Labels, _finds: &mut Vec<Find>) {}
