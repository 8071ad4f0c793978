"""What kernels show of processors of each kind: flags of /proc/cpuinfo, and verdicts on the processor's flaws."""

from __future__ import annotations

#: The kernel's word where there is nothing to say.
NOT_AFFECTED = "Not affected"

SPECTRE = {
    "spec_store_bypass": "Mitigation: Speculative Store Bypass disabled via prctl",
    "spectre_v1": "Mitigation: usercopy/swapgs barriers and __user pointer sanitization",
}
BUFFERS = "Mitigation: Clear CPU buffers; SMT vulnerable"
SPLIT_PAGES = "KVM: Mitigation: Split huge pages"
IBPB_ON_EXIT = "Mitigation: IBPB before exit to userspace"
ENHANCED = "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; "

HEAD = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush"
INTEL = f"{HEAD} dts acpi mmx fxsr sse sse2 ss ht tm pbe syscall nx"
COUNTERS = "constant_tsc arch_perfmon pebs bts rep_good nopl xtopology nonstop_tsc cpuid aperfmperf pni"
MITIGATIONS = "ssbd ibrs ibpb stibp"
VT = "tpr_shadow flexpriority ept vpid"
XSAVE = "xsaveopt xsavec xgetbv1 xsaves"
THERMAL = "dtherm ida arat pln pts"
AVX512 = "avx512f avx512dq rdseed adx smap clflushopt clwb intel_pt avx512cd avx512bw avx512vl"

IVY_BRIDGE = (
    f"{INTEL} pdpe1gb rdtscp lm {COUNTERS} pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cx16 xtpr pdcm pcid "
    "dca sse4_1 sse4_2 x2apic popcnt tsc_deadline_timer aes xsave avx f16c rdrand lahf_lm cpuid_fault epb pti "
    f"intel_ppin {MITIGATIONS} {VT} fsgsbase smep erms xsaveopt {THERMAL} vnmi md_clear flush_l1d"
)
HASWELL_ON = (
    f"{INTEL} pdpe1gb rdtscp lm {COUNTERS} pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 sdbg fma cx16 xtpr "
    "pdcm pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand lahf_lm abm "
)
BROADWELL = (
    f"{HASWELL_ON} 3dnowprefetch cpuid_fault epb cat_l3 cdp_l3 pti intel_ppin {MITIGATIONS} {VT} ept_ad fsgsbase "
    "tsc_adjust bmi1 hle avx2 smep bmi2 erms invpcid rtm cqm rdt_a rdseed adx smap intel_pt xsaveopt cqm_llc "
    f"cqm_occup_llc cqm_mbm_total cqm_mbm_local {THERMAL} vnmi md_clear flush_l1d"
)
SKYLAKE_TAIL = (
    f"{VT} ept_ad fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid cqm mpx rdt_a {AVX512} {XSAVE} cqm_llc "
    f"cqm_occup_llc cqm_mbm_total cqm_mbm_local {THERMAL} vnmi pku ospke md_clear flush_l1d arch_capabilities"
)
SKYLAKE_SP = (
    f"{HASWELL_ON} 3dnowprefetch cpuid_fault epb cat_l3 cdp_l3 pti intel_ppin mba {MITIGATIONS} {SKYLAKE_TAIL}"
)
CASCADE_LAKE = (
    f"{HASWELL_ON} 3dnowprefetch cpuid_fault epb cat_l3 cdp_l3 intel_ppin mba {MITIGATIONS} ibrs_enhanced "
    f"{SKYLAKE_TAIL} avx512_vnni"
)
COFFEE_LAKE = (
    f"{HASWELL_ON} 3dnowprefetch cpuid_fault epb pti {MITIGATIONS} {VT} ept_ad fsgsbase tsc_adjust bmi1 avx2 smep "
    f"bmi2 erms invpcid mpx rdseed adx smap clflushopt intel_pt {XSAVE} {THERMAL} hwp hwp_notify hwp_act_window "
    "hwp_epp vnmi md_clear flush_l1d arch_capabilities"
)
TIGER_LAKE = (
    f"{HASWELL_ON} 3dnowprefetch cpuid_fault epb cat_l2 cdp_l2 {MITIGATIONS} ibrs_enhanced {VT} ept_ad fsgsbase "
    f"tsc_adjust bmi1 avx2 smep bmi2 erms invpcid rdt_a {AVX512} avx512ifma sha_ni {XSAVE} split_lock_detect "
    f"{THERMAL} hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req vnmi avx512vbmi umip pku ospke avx512_vbmi2 gfni "
    "vaes vpclmulqdq avx512_vnni avx512_bitalg avx512_vpopcntdq rdpid movdiri movdir64b fsrm avx512_vp2intersect "
    "md_clear ibt flush_l1d arch_capabilities"
)
JASPER_LAKE = (
    f"{INTEL} rdtscp lm {COUNTERS} pclmulqdq dtes64 monitor ds_cpl vmx est tm2 ssse3 sdbg cx16 xtpr pdcm sse4_1 "
    f"sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave rdrand lahf_lm 3dnowprefetch cpuid_fault cat_l2 cdp_l2 "
    f"{MITIGATIONS} ibrs_enhanced {VT} ept_ad fsgsbase tsc_adjust smep erms rdt_a rdseed smap clflushopt clwb "
    f"intel_pt sha_ni {XSAVE} split_lock_detect {THERMAL} hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req vnmi "
    "umip waitpkg gfni rdpid movdiri movdir64b md_clear flush_l1d arch_capabilities"
)
BONNELL = (
    f"{INTEL} lm constant_tsc arch_perfmon pebs bts rep_good nopl cpuid aperfmperf pni dtes64 monitor ds_cpl tm2 "
    "ssse3 cx16 xtpr pdcm movbe lahf_lm dtherm"
)
ZEN_2 = (
    f"{HEAD} mmx fxsr sse sse2 ht syscall nx mmxext fxsr_opt pdpe1gb rdtscp lm constant_tsc rep_good nopl xtopology "
    "nonstop_tsc cpuid extd_apicid aperfmperf rapl pni pclmulqdq monitor ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt "
    "aes xsave avx f16c rdrand lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw "
    "ibs skinit wdt tce topoext perfctr_core perfctr_nb bpext perfctr_llc mwaitx cpb cat_l3 cdp_l3 hw_pstate ssbd "
    "mba ibpb stibp vmmcall fsgsbase bmi1 avx2 smep bmi2 cqm rdt_a rdseed adx smap clflushopt clwb sha_ni xsaveopt "
    "xsavec xgetbv1 cqm_llc cqm_occup_llc cqm_mbm_total cqm_mbm_local clzero irperf xsaveerptr rdpru wbnoinvd arat "
    "npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists pausefilter pfthreshold avic "
    "v_vmsave_vmload vgif v_spec_ctrl umip rdpid overflow_recov succor smca"
)
ROME = f"{ZEN_2} ibrs sme sev sev_es"
MILAN = f"{ROME} pcid x2apic invpcid erms vaes vpclmulqdq pku ospke fsrm sev_snp debug_swap"
GENOA = (
    f"{MILAN} avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512_bf16 avx512vbmi avx512_vbmi2 gfni "
    "avx512_vnni avx512_bitalg avx512_vpopcntdq ibrs_enhanced amd_lbr_v2 perfmon_v2 x2avic vnmi la57 flush_l1d"
)

IVY_BRIDGE_FLAWS = {
    **SPECTRE,
    "itlb_multihit": SPLIT_PAGES,
    "l1tf": "Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable",
    "mds": BUFFERS,
    "meltdown": "Mitigation: PTI",
    "mmio_stale_data": "Unknown: No mitigations",
    "spectre_v2": "Mitigation: Retpolines; IBPB: conditional; IBRS_FW; STIBP: conditional; RSB filling; PBRSB-eIBRS: "
    "Not affected; BHI: Not affected",
    "vmscape": IBPB_ON_EXIT,
}
SKYLAKE_FLAWS = {
    **IVY_BRIDGE_FLAWS,
    "gather_data_sampling": "Mitigation: Microcode",
    "mmio_stale_data": BUFFERS,
    "retbleed": "Mitigation: IBRS",
    "spectre_v2": "Mitigation: IBRS; IBPB: conditional; STIBP: conditional; RSB filling; PBRSB-eIBRS: Not affected; "
    "BHI: Not affected",
    "tsx_async_abort": "Mitigation: TSX disabled",
}
CASCADE_LAKE_FLAWS = {
    **SPECTRE,
    "gather_data_sampling": "Mitigation: Microcode",
    "indirect_target_selection": "Mitigation: Aligned branch/return thunks",
    "itlb_multihit": SPLIT_PAGES,
    "mmio_stale_data": BUFFERS,
    "retbleed": "Mitigation: Enhanced IBRS",
    "spectre_v2": f"{ENHANCED}PBRSB-eIBRS: SW sequence; BHI: SW loop, KVM: SW loop",
    "tsx_async_abort": "Mitigation: TSX disabled",
    "vmscape": IBPB_ON_EXIT,
}
ZEN_FLAWS = {
    **SPECTRE,
    "retbleed": "Mitigation: untrained return thunk; SMT enabled with STIBP protection",
    "spec_rstack_overflow": "Mitigation: Safe RET",
    "spectre_v2": "Mitigation: Retpolines; IBPB: conditional; STIBP: always-on; RSB filling; PBRSB-eIBRS: Not "
    "affected; BHI: Not affected",
    "vmscape": IBPB_ON_EXIT,
}
MILAN_FLAWS = {**ZEN_FLAWS, "retbleed": NOT_AFFECTED, "tsa": "Mitigation: Clear CPU buffers"}
