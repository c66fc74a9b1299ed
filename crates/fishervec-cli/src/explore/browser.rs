//! The user's browser.

/// Opens the address in the user's browser, or says why there is none.
pub(super) fn open(address: &str) -> Result<(), String> {
    if !has_screen() {
        return Err("A browser needs a screen, and none was found".to_owned());
    }
    open::that_detached(address).map_err(|error| format!("No browser could be opened ({error})"))
}

/// Whether windows can be opened: on Unix there is a display server, or else a text browser would take over
/// the terminal.
fn has_screen() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let needs_display = cfg!(all(unix, not(target_os = "macos")));
    !needs_display || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(is_set)
}
