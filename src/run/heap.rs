//! The allocator's settings for commands that run long and must stay small.

/// Has all threads take memory from the same few heaps, as each of its own would keep what its busiest moment needed,
/// and has whatever is large go back to the system at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator has no safe call for its settings")]
pub(super) fn keep_together() {
    // SAFETY: mallopt takes two numbers; one that it does not know changes nothing.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn keep_together() {}
