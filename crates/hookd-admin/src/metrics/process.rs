//! What the process takes of the machine, under the names that all clients of Prometheus use.
//!
//! On Linux alone: elsewhere there is no `/proc`.

use prometheus_client::registry::Registry;

/// The figures of this moment. Those that cannot be read are left out.
pub(super) fn registry() -> Registry {
    let mut registry = Registry::default();
    #[cfg(target_os = "linux")]
    linux::register(&mut registry);
    registry
}

#[cfg(target_os = "linux")]
mod linux {
    use procfs::process::{LimitValue, Process};
    use procfs::{ProcError, WithCurrentSystemInfo as _};
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;
    use prometheus_client::registry::{Registry, Unit};

    pub(super) fn register(registry: &mut Registry) {
        // Each is left out by itself.
        let Ok(process) = Process::myself() else { return };
        let _ = stat(registry, &process);
        let _ = files(registry, &process);
    }

    #[expect(clippy::cast_precision_loss, reason = "processor times and memory of a process fit")]
    fn stat(registry: &mut Registry, process: &Process) -> Result<(), ProcError> {
        let stat = process.stat()?;
        let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        registry.register_with_unit(
            "process_cpu",
            "Processor time of the process, in user and system mode",
            Unit::Seconds,
            ConstCounter::new(seconds),
        );
        let bytes = |pages: u64| i64::try_from(pages).unwrap_or(i64::MAX);
        registry.register_with_unit(
            "process_resident_memory",
            "Resident memory of the process",
            Unit::Bytes,
            ConstGauge::new(bytes(stat.rss_bytes().get())),
        );
        registry.register_with_unit(
            "process_virtual_memory",
            "Virtual memory of the process",
            Unit::Bytes,
            ConstGauge::new(bytes(stat.vsize)),
        );
        let since_boot = stat.starttime as f64 / procfs::ticks_per_second() as f64;
        registry.register_with_unit(
            "process_start_time",
            "When the process was started, since 1970",
            Unit::Seconds,
            ConstGauge::new(procfs::boot_time_secs()? as f64 + since_boot),
        );
        Ok(())
    }

    fn files(registry: &mut Registry, process: &Process) -> Result<(), ProcError> {
        let open = i64::try_from(process.fd_count()?).unwrap_or(i64::MAX);
        registry.register("process_open_fds", "Files that are open", ConstGauge::new(open));
        let most = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(most) => i64::try_from(most).unwrap_or(i64::MAX),
            LimitValue::Unlimited => i64::MAX,
        };
        registry.register("process_max_fds", "How many files may be open", ConstGauge::new(most));
        Ok(())
    }
}
