(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The relation between a state of the code (machine/Base.v: cells, words, registers of CPU c, stage 2 as layer L1 has it) and a state of
 * the top machine.  Cells of KCore's C are records of [pub]; words and registers are [data].  A counter's cell is the counter modulo
 * the cell's width; where the code looks at a counter, [fits] says that it is below.
 *)
From KCore Require Import machine.Map.
From KCore Require Import top.Inv.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Cells that installation sets for good. *)
Definition fixed_names : list string := ["region_base"; "region_size"; "image_size"; "nr_dram"; "nr_denied"; "nr_cpus";
  "nr_pages"; "root_base"; "has_gicv3"; "has_ras"; "ich_vtr"; "has_aarch32"; "has_profiling"; "signed_only"; "pool_base"; "pool_pages"; "pages_core";
  "dram_base"; "dram_end"; "dram_first"; "denied_base"; "denied_end"; "cpu_mpidr"].

Definition is_handle (v : Z) : Prop := 0 <= v < KCORE_NR_VMS.
Definition is_vcpu (w : Z) : Prop := 0 <= w < KCORE_NR_VCPUS.
Definition is_cpu (c : Z) : Prop := 0 <= c < KCORE_MAX_CPUS.

(* A stage-2 descriptor's page and rights (pte.c). *)
Definition pte_page (e : Z) : Z := Z.land e PTE_ADDRESS / PAGE_BYTES.

(* The ranges of pages that guests gave the host to serve; in the code in bytes. *)
Definition guards_fine (cells : string -> Z -> Z) (vms : Z -> vmrec) : Prop := forall v, is_handle v -> let l := v_guard (vms v) in
  cells "vm_guards" v = Z.of_nat (length l) /\ Z.of_nat (length l) <= GUARD_RANGES /\
  forall k r, nth_error l k = Some r -> let i := v * GUARD_RANGES + Z.of_nat k in
    cells "guard_base" i = fst r * PAGE_BYTES /\ cells "guard_end" i = snd r * PAGE_BYTES /\ 0 <= fst r /\ snd r <= 268435456.
Lemma guards_same f f' m m' : guards_fine f m -> (forall i, f' "vm_guards" i = f "vm_guards" i) -> (forall i, f' "guard_base" i = f "guard_base" i) ->
  (forall i, f' "guard_end" i = f "guard_end" i) -> (forall v, v_guard (m' v) = v_guard (m v)) -> guards_fine f' m'.
Proof.
  intros G A B C E v V. cbv zeta. rewrite A, E. destruct (G v V) as (G1 & G2 & G3). split; [exact G1|]. split; [exact G2|].
  intros k r K. rewrite B, C. exact (G3 k r K).
Qed.

Section Rel.
Context {cfg : config}.
Variable fixed : string -> Z -> Z.

(* The number of a DRAM page's record. *)
Definition record_no (p : Z) : Z :=
  fixed "dram_first" (region p) + (p - fixed "dram_base" (region p) / PAGE_BYTES).

(* Installation left tables that describe the machine of the top theorem. *)
Record installed : Prop := {
  n_dram : 0 <= fixed "nr_dram" 0 <= KCORE_MAX_REGIONS;
  n_region : forall p, region p = -1 \/ 0 <= region p < fixed "nr_dram" 0;
  n_bounds : forall i p, 0 <= i < fixed "nr_dram" 0 ->
    region p = i <-> fixed "dram_base" i <= p * PAGE_BYTES < fixed "dram_end" i;
  n_whole : forall i, 0 <= i < fixed "nr_dram" 0 ->
    fixed "dram_base" i mod PAGE_BYTES = 0 /\ fixed "dram_end" i mod PAGE_BYTES = 0 /\ 0 <= fixed "dram_base" i < fixed "dram_end" i /\
    fixed "dram_end" i <= IPA_END /\ 0 <= fixed "dram_first" i /\
    fixed "dram_first" i + (fixed "dram_end" i - fixed "dram_base" i) / PAGE_BYTES <= fixed "nr_pages" 0;
  n_apart : forall p q, dram p = true -> dram q = true -> record_no p = record_no q -> p = q;
  n_pages : fixed "nr_pages" 0 < 2 ^ 40;
  n_denied : 0 <= fixed "nr_denied" 0 <= KCORE_MAX_DENIED;
  (* denied to everybody: ranges of whole pages *)
  n_denied_at : forall p, denied p = true <-> exists i, 0 <= i < fixed "nr_denied" 0 /\
    fixed "denied_base" i <= p * PAGE_BYTES < fixed "denied_end" i;
  n_denied_whole : forall i, 0 <= i < fixed "nr_denied" 0 -> fixed "denied_base" i mod PAGE_BYTES = 0 /\
    fixed "denied_end" i mod PAGE_BYTES = 0 /\ fixed "denied_base" i < fixed "denied_end" i;
  n_core : forall p, core p = true -> dram p = true;
  n_pool : fixed "pool_pages" 0 = pool;
  n_pool_core : forall k, 0 <= k < pool -> core (fixed "pool_base" 0 / PAGE_BYTES + k) = true;
  n_pool_base : 0 < fixed "pool_base" 0 /\ fixed "pool_base" 0 mod PAGE_BYTES = 0 /\ 0 <= pool /\
    fixed "pool_base" 0 + pool * PAGE_BYTES <= IPA_END;
  n_roots : 0 < fixed "root_base" 0 /\ fixed "root_base" 0 mod 8192 = 0 /\
    fixed "root_base" 0 + KCORE_NR_VMS * ROOT_BYTES <= fixed "pool_base" 0;
  n_roots_core : forall p, fixed "root_base" 0 <= p * PAGE_BYTES < fixed "root_base" 0 + KCORE_NR_VMS * ROOT_BYTES -> core p = true;
  (* where a CPU keeps the host's registers while a guest runs *)
  n_host : forall c, is_cpu c -> let h := fixed "host_context" c in
    0 <= h < IPA_END /\ h mod 2048 = 0 /\ core (h / PAGE_BYTES) = true /\
    (h < fixed "root_base" 0 \/ fixed "root_base" 0 + KCORE_NR_VMS * ROOT_BYTES <= h) /\
    (h < fixed "pool_base" 0 \/ fixed "pool_base" 0 + pool * PAGE_BYTES <= h);
  n_core_pages : fixed "pages_core" 0 = installed_core;
  n_gic : gicv3 = negb (fixed "has_gicv3" 0 =? 0);
  n_aarch32 : aarch32 = (fixed "has_aarch32" 0 =? AARCH32_EL1);
  n_ras : ras = negb (fixed "has_ras" 0 =? 0);
  n_lrs : nr_lrs <= 16;
  n_cpus : 0 <= fixed "nr_cpus" 0 <= KCORE_MAX_CPUS;
  n_info : forall c, is_cpu c -> info c KCORE_INFO_ICH_VTR = fixed "ich_vtr" 0 /\ info c KCORE_INFO_MDCR = fixed "host_mdcr" c /\
    info c KCORE_INFO_REGION_BASE = fixed "region_base" 0 /\ info c KCORE_INFO_REGION_SIZE = fixed "region_size" 0 /\
    info c KCORE_INFO_IMAGE_SIZE = fixed "image_size" 0 /\ info c KCORE_INFO_SIGNED_ONLY = fixed "signed_only" 0
}.

Definition entry_of (e : Z) : option leaf := if e =? 0 then None else Some (mkleaf (pte_page e) (prot_of e)).

(* Does the vCPU have registers in its context now?  Not one that another CPU is running. *)
Definition at_rest (t : pub) (w : Z) : Prop :=
  c_state (vcpu t w) <> VCPU_FREE /\ protected t (vm_of w) = true /\
  (c_state (vcpu t w) = VCPU_LOADED -> u_run (cpu t (c_cpu (vcpu t w))) = false).


(* ------------------------------------------------------------------ pool *)

Definition pool_at (k : Z) : Z := fixed "pool_base" 0 + k * PAGE_BYTES.
(* The list of pages given back, through their first words. *)
Fixpoint linked (s : state) (h : Z) (l : list Z) : Prop :=
  match l with [] => h = 0 | a :: l => h = a /\ linked s (word s a) l end.
Definition has_context (t : pub) (w : Z) : Prop := is_vcpu w /\ c_state (vcpu t w) <> VCPU_FREE /\ protected t (vm_of w) = true.
(* A table, or the context of a protected vCPU. *)
Definition in_use (s : state) (t : pub) (a : Z) : Prop :=
  (Base.table s (a / PAGE_BYTES) = true /\ a mod PAGE_BYTES = 0) \/ exists w, has_context t w /\ cell s "vcpu_context" w = a.
Definition table_at (s : state) (level v n : Z) : Z := if level =? 1 then Base.s1 s v n else Base.tab s v n.
(* A page of the pool that VM v has: a table of its, or the context of a vCPU of its. *)
Definition held_by (s : state) (t : pub) (v a : Z) : Prop := a <> 0 /\
  ((exists n, Base.s1 s v n = a) \/ (exists n, Base.tab s v n = a) \/ exists w, vm_of w = v /\ has_context t w /\ cell s "vcpu_context" w = a).

Record pool_fine (s : state) (t : pub) : Prop := {
  p_bump : 0 <= cell s "pool_bump" 0 <= pool;
  p_list : exists l, linked s (cell s "pool_head" 0) l /\ NoDup l /\
    cell s "pool_free" 0 = Z.of_nat (length l) + (pool - cell s "pool_bump" 0) /\
    forall a, In a l -> (exists k, 0 <= k < cell s "pool_bump" 0 /\ a = pool_at k) /\ ~ in_use s t a;
  p_used : forall a, in_use s t a -> exists k, 0 <= k < cell s "pool_bump" 0 /\ a = pool_at k;
  p_context : forall w, has_context t w -> Base.table s (cell s "vcpu_context" w / PAGE_BYTES) = false;
  p_contexts : forall w x, has_context t w -> has_context t x -> cell s "vcpu_context" w = cell s "vcpu_context" x -> w = x;
  p_table : forall l v n, table_at s l v n <> 0 -> Base.table s (table_at s l v n / PAGE_BYTES) = true /\
    table_at s l v n mod PAGE_BYTES = 0;
  p_tables : forall l v n m w o, (l = 1 \/ l = 2) -> (m = 1 \/ m = 2) -> table_at s l v n <> 0 ->
    table_at s l v n = table_at s m w o -> l = m /\ v = w /\ n = o;
  p_count : forall v, is_handle v -> Inv.covers (held_by s t v) (v_tables (vm t v))
}.

(* The virtual GIC of the vCPU that is loaded on CPU c; VMCR stays behind. *)
Definition vgic_fine (c : Z) (s : state) (t : st) : Prop := gicv3 = true ->
  let w := u_vcpu (cpu (P t) c) in let vmcr := Base.reg s "ich_vmcr" 0 in
  0 <= vmcr < 2 ^ 32 /\ (w = NO_VCPU -> vmcr = hreg (D t) c R_VMCR) /\
  (w <> NO_VCPU -> vmcr = io (D t) w W_VMCR /\ forall j, 0 <= j < nr_aprs ->
     Base.reg s "ap0r" j = io (D t) w (W_AP0R + j) /\ Base.reg s "ap1r" j = io (D t) w (W_AP1R + j)).
(* Destruction of a VM goes up through its IPA space: leaves and tables below the cursor are gone. *)
Definition reaped (t : pub) (v : Z) : Prop :=
  let at_ := v_cursor (vm t v) in
  v_state (vm t v) = VM_FREE \/ at_ = 0 \/ v_state (vm t v) = VM_DYING /\ 0 <= at_ /\
    (forall x l, lf t v x = Some l -> 0 <= first_of x -> at_ <= first_of x) /\
    (forall b, tab t v b = true -> 0 <= b -> at_ < (b + 1) * 512) /\
    (at_ mod 512 <> 0 -> tab t v (at_ / 512) = true) /\ (at_ mod 262144 <> 0 -> s1 t v (at_ / 262144) = true).

(* The code runs on CPU c, at a border of a section. *)
Record Q (c : Z) (s : state) (t : st) : Prop := {
  r_cpu_id : Base.reg s "cpu_id" 0 = c /\ is_cpu c;
  r_fixed : forall n i, In n fixed_names -> cell s n i = fixed n i;
  (* pages *)
  r_owner : forall p, dram p = true -> cell s "page_owner" (record_no p) = owner (P t) p;
  r_maps : forall p, dram p = true -> cell s "page_maps" (record_no p) = maps (P t) p mod 2 ^ 32;
  r_core : forall p, core p = true -> owner (P t) p = OWNER_CORE;
  (* VMs *)
  r_vm_state : forall v, is_handle v -> cell s "vm_state" v = v_state (vm (P t) v);
  r_vm_type : forall v, is_handle v -> cell s "vm_type" v = v_type (vm (P t) v);
  r_kind : forall v, is_handle v -> 0 <= v_type (vm (P t) v) < 2;
  r_vm_vcpus : forall v, is_handle v -> cell s "vm_vcpus" v = v_vcpus (vm (P t) v) mod 2 ^ 32;
  r_vm_loaded : forall v, is_handle v -> cell s "vm_loaded" v = v_loaded (vm (P t) v) mod 2 ^ 32;
  r_vm_pages : forall v, is_handle v -> cell s "vm_pages" v = v_pages (vm (P t) v) mod 2 ^ 64;
  r_vm_tables : forall v, is_handle v -> cell s "vm_tables" v = v_tables (vm (P t) v) mod 2 ^ 64;
  r_vm_base : forall v, is_handle v -> cell s "vm_mem_base" v = v_base (vm (P t) v);
  r_vm_end : forall v, is_handle v -> cell s "vm_mem_end" v = v_end (vm (P t) v);
  r_vm_cursor : forall v, is_handle v -> cell s "vm_cursor" v = v_cursor (vm (P t) v) * PAGE_BYTES;
  r_reaped : forall v, is_vm v -> reaped (P t) v;
  r_guards : guards_fine (cell s) (vm (P t));
  (* vCPUs *)
  r_vcpu_state : forall w, is_vcpu w -> cell s "vcpu_state" w = c_state (vcpu (P t) w);
  r_vcpu_power : forall w, is_vcpu w -> cell s "vcpu_power" w = c_power (vcpu (P t) w);
  r_vcpu_pending : forall w, is_vcpu w -> cell s "vcpu_pending" w = c_pending (vcpu (P t) w);
  r_vcpu_esr : forall w, is_vcpu w -> c_pending (vcpu (P t) w) <> PENDING_NONE -> cell s "vcpu_esr" w = c_esr (vcpu (P t) w);
  r_vcpu_page : forall w, is_vcpu w -> cell s "vcpu_page" w = c_page (vcpu (P t) w) * PAGE_BYTES;
  r_context : forall w, is_vcpu w -> c_state (vcpu (P t) w) <> VCPU_FREE -> v_type (vm (P t) (vm_of w)) <> KCORE_VM_PROTECTED ->
    cell s "vcpu_context" w = c_page (vcpu (P t) w) * PAGE_BYTES;
  (* CPUs *)
  r_cpu_vcpu : forall d, is_cpu d -> cell s "cpu_vcpu" d = u_vcpu (cpu (P t) d);
  r_cpu_fp : forall d, is_cpu d -> u_fp (cpu (P t) d) = negb (cell s "cpu_fp" d =? 0);
  (* counters *)
  r_pages_vm : cell s "pages_vm" 0 = cnt (P t) KCORE_STAT_pages_vm mod 2 ^ 64;
  r_pool_free : cell s "pool_free" 0 = cnt (P t) KCORE_STAT_pool_free mod 2 ^ 64;
  r_pool_total : cnt (P t) KCORE_STAT_pool_total = pool;
  r_core_pages : cnt (P t) KCORE_STAT_pages_core = installed_core;
  r_reserve : cell s "pool_reserve" 0 = cnt (P t) N_RESERVE mod 2 ^ 64;
  r_vms : cell s "vms_alive" 0 = cnt (P t) KCORE_STAT_vms mod 2 ^ 64;
  r_vcpus : cell s "vcpus_alive" 0 = cnt (P t) KCORE_STAT_vcpus mod 2 ^ 64;
  r_scrubbed : cell s "pages_scrubbed" 0 = cnt (P t) KCORE_STAT_pages_scrubbed mod 2 ^ 64;
  r_stat : forall d k, is_cpu d -> 0 <= k < KCORE_NR_STATS -> k <> KCORE_STAT_el2_max ->
    cell s "cpu_stat" (d * KCORE_NR_STATS + k) = stat (P t) d k mod 2 ^ 64;
  r_log_next : cell s "log_next" 0 = Z.of_nat (length (logged (P t))) mod 2 ^ 64;
  r_log : forall k e a b, (k < 256)%nat -> nth_error (logged (P t)) k = Some (e, a, b) ->
    let i := (Z.of_nat (length (logged (P t))) - 1 - Z.of_nat k) mod LOG_ENTRIES in
    cell s "log_event" i = e /\ cell s "log_a" i = a /\ cell s "log_b" i = b;
  r_pool : pool_fine s (P t);
  (* stage 2 *)
  r_s1 : forall v g, is_handle v -> 0 <= g < 1024 -> s1 (P t) v g = negb (Base.s1 s v g =? 0);
  r_tab : forall v b, is_handle v -> 0 <= b < 524288 -> tab (P t) v b = negb (Base.tab s v b =? 0);
  r_block : forall v b, is_handle v -> 0 <= b < 524288 -> lf (P t) v (Block b) = entry_of (Base.leaf s v 2 b);
  r_page : forall v i, is_handle v -> 0 <= i < 268435456 -> lf (P t) v (Page i) = entry_of (Base.leaf s v 3 i);
  r_leaf : forall v l n, Base.leaf s v l n = 0 \/ leaf_ok (Base.leaf s v l n) l = true;
  (* pages that a normal VM has mapped by one entry are in one region of DRAM *)
  r_region : forall v b l, is_vm v -> lf (P t) v (Block b) = Some l -> dram (l_page l) = true -> in_dram (l_page l) 512 = true;
  (* contents *)
  r_mem : forall p o, 0 <= p < 268435456 -> core p = false -> 0 <= o < 512 -> word s (p * PAGE_BYTES + o * 8) = mem (D t) p o;
  r_ctx : forall w k, is_vcpu w -> at_rest (P t) w -> 0 <= k < W_GP \/ W_FP <= k < W_FP + N_FP ->
    word s (cell s "vcpu_context" w + k * 8) = ctx (D t) w k;
  r_cntvoff : forall v, is_handle v -> v_state (vm (P t) v) = VM_READY -> at_rest (P t) (v * KCORE_VM_VCPUS) ->
    cell s "vm_cntvoff" v = ctx (D t) (v * KCORE_VM_VCPUS) W_CNTVOFF mod 2 ^ 64;
  r_kept : forall w, is_vcpu w -> at_rest (P t) w -> cell s "vcpu_far" w = ctx (D t) w W_KEPT /\
    cell s "vcpu_entry" w = ctx (D t) w (W_KEPT + 1) /\ cell s "vcpu_entry_x0" w = ctx (D t) w (W_KEPT + 2);
  (* registers *)
  r_fp : forall k, 0 <= k < N_FP -> Base.reg s "fp" k = fpm (D t) c (W_FP + k);
  r_hreg : forall n, 0 <= n < 31 -> Base.reg s "host_x" n = hreg (D t) c n;
  r_host : Base.reg s "host_context" 0 = fixed "host_context" c /\ Base.reg s "host_mdcr" 0 = fixed "host_mdcr" c;
  r_vgic : vgic_fine c s t
}.

(* Counters stay below what their cells hold. *)
Record fits (t : pub) : Prop := {
  f_maps : forall p, 0 <= maps t p < 2 ^ 32;
  f_vcpus : forall v, 0 <= v_vcpus (vm t v) < 2 ^ 32;
  f_loaded : forall v, 0 <= v_loaded (vm t v) < 2 ^ 32;
  f_pages : forall v, 0 <= v_pages (vm t v) < 2 ^ 64;
  f_tables : forall v, 0 <= v_tables (vm t v) < 2 ^ 39;
  f_free : 0 <= cnt t KCORE_STAT_pool_free < 2 ^ 40;
  f_reserve : 0 <= cnt t N_RESERVE < 2 ^ 40;
  f_cnt : forall k, 0 <= cnt t k < 2 ^ 64;
  f_stat : forall k, 0 <= fold_right Z.add 0 (map (fun d => stat t d k) (range 0 64)) < 2 ^ 64;
  f_log : Z.of_nat (length (logged t)) < 2 ^ 64
}.
End Rel.
