(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The trusted primitives of common-core/include/kcore/machine.h on one CPU: the bottom layer.
 * Cells, memory and registers have a meaning of their own; what the rest of the hardware answers is arbitrary;
 * barriers, invalidations and whatever else matters for its order is recorded.
 *)
From KCore Require Export lang.Wp gen.Tables.
From KCore Require Import gen.Constants.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Record state := mkstate {
  cell : string -> Z -> Z;               (* by name and index; scalars at index 0 *)
  word : Z -> Z;                         (* 64-bit words of physical memory, by PA *)
  reg : string -> Z -> Z;                (* registers of the CPU, by bank and index; single ones at index 0 *)
  held : bool;                           (* the lock *)
  trace : list (string * list Z);        (* calls of hardware primitives, the last first *)
  answer : nat -> Z -> Z;                (* what they answer: number of the call, number of the value *)
  (* Stage 2 as layer L1 sees it (machine/Map.v); the bottom layer neither reads nor writes it. *)
  s1 : Z -> Z -> Z;                      (* VM, IPA / 1 GiB: PA of the level-2 table, 0: none *)
  tab : Z -> Z -> Z;                     (* VM, IPA / 2 MiB: PA of the level-3 table, 0: none *)
  leaf : Z -> Z -> Z -> Z;               (* VM, level 2 or 3, IPA / 2 MiB or 4 KiB: the descriptor, 0: none *)
  table : Z -> bool                      (* PA / 4 KiB: the page is a table below a root *)
}.

Definition setcell (n : string) (i v : Z) (s : state) : state :=
  mkstate (fun m j => if String.eqb m n && (j =? i) then v else cell s m j)
    (word s) (reg s) (held s) (trace s) (answer s) (s1 s) (tab s) (leaf s) (table s).
Definition setwords (w : Z -> Z) (s : state) : state :=
  mkstate (cell s) w (reg s) (held s) (trace s) (answer s) (s1 s) (tab s) (leaf s) (table s).
Definition setword (a v : Z) (s : state) : state :=
  setwords (fun b => if b =? a then v else word s b) s.
Definition setregs (r : string -> Z -> Z) (s : state) : state :=
  mkstate (cell s) (word s) r (held s) (trace s) (answer s) (s1 s) (tab s) (leaf s) (table s).
Definition setreg (b : string) (i v : Z) (s : state) : state :=
  setregs (fun c j => if String.eqb c b && (j =? i) then v else reg s c j) s.
Definition sethold (b : bool) (s : state) : state :=
  mkstate (cell s) (word s) (reg s) b (trace s) (answer s) (s1 s) (tab s) (leaf s) (table s).
Definition record (f : string) (args : list Z) (s : state) : state :=
  mkstate (cell s) (word s) (reg s) (held s) ((f, args) :: trace s) (answer s) (s1 s) (tab s) (leaf s) (table s).

(* ------------------------------------------------------------ cells, the lock *)

(* Cells that belong to a CPU, or to the vCPU that it runs; the others are written by the holder of the lock. *)
Definition own_cells : list string := ["cpu_fp"; "cpu_power"; "cpu_entry"; "cpu_entry_x0"; "cpu_stat";
  "vcpu_pending"; "vcpu_esr"; "vcpu_far"; "vcpu_power"; "last_vcpu"].
Definition under_lock (n : string) : bool := negb (existsb (String.eqb n) own_cells).

Definition get (n : string) (len : state -> Z) : prim state := fun args s =>
  match args with
  | [i] => pre (0 <=? i) && (i <? len s) in Ok (cell s n i, s)
  | _ => Stuck
  end.
Definition set (n : string) (width : Z) (len : state -> Z) : prim state := fun args s =>
  match args with
  | [i; v] => pre (0 <=? i) && (i <? len s) && (negb (under_lock n) || held s) in
              Ok (0, setcell n i (v mod 2 ^ width) s)
  | _ => Stuck
  end.
Definition get0 (n : string) : prim state := fun args s =>
  match args with [] => Ok (cell s n 0, s) | _ => Stuck end.
Definition set0 (n : string) : prim state := fun args s =>
  match args with
  | [v] => pre held s in Ok (0, setcell n 0 (v mod 2 ^ 64) s)
  | _ => Stuck
  end.
Definition nr_pages (s : state) : Z := cell s "nr_pages" 0.

Definition p_lock_acquire : prim state := fun args s =>
  match args with [] => pre negb (held s) in Ok (0, sethold true s) | _ => Stuck end.
Definition p_lock_release : prim state := fun args s =>
  match args with [] => pre held s in Ok (0, sethold false s) | _ => Stuck end.
Definition p_halt : prim state := fun args s => Halt.

(* ------------------------------------------------------------------- memory *)

(* ok: where an access is allowed; the layer decides.  At the bottom: aligned words. *)
Definition aligned (s : state) (a : Z) : bool := a mod 8 =? 0.

(* A context, or the area of a vCPU page that KCore uses, is half a page (machine/arm64.c). *)
Definition CONTEXT_BYTES : Z := 2048.
Definition context_ok (ok : state -> Z -> bool) (s : state) (pa : Z) : bool := (pa mod CONTEXT_BYTES =? 0) && ok s pa.

(* Numbers of iterations, sealed: tactics and the kernel would unfold hundreds of them. *)
Definition count_sig : { f : Z -> nat | forall z, f z = Z.to_nat z }.
Proof. exists Z.to_nat. reflexivity. Qed.
Definition count : Z -> nat := proj1_sig count_sig.
Lemma count_eq z : count z = Z.to_nat z.
Proof. exact (proj2_sig count_sig z). Qed.

Fixpoint every (f : Z -> bool) (n : nat) : bool := match n with O => true | S m => every f m && f (Z.of_nat m) end.
Lemma every_at f n i : every f n = true -> 0 <= i < Z.of_nat n -> f i = true.
Proof.
  induction n as [|n IH]; cbn [every]; intros H Hi; [lia|]. apply andb_true_iff in H as [H1 H2].
  destruct (Z.eq_dec i (Z.of_nat n)) as [->|]; [exact H2|]. apply IH; [exact H1|lia].
Qed.

Lemma every_all f n : (forall i, 0 <= i < Z.of_nat n -> f i = true) -> every f n = true.
Proof.
  induction n as [|n IH]; cbn [every]; intros H; [reflexivity|]. apply andb_true_iff. split; [apply IH; intros; apply H; lia|apply H; lia].
Qed.

Fixpoint zero (k : nat) (pa : Z) (s : state) : state :=
  match k with O => s | S k => setword (pa + Z.of_nat k * 8) 0 (zero k pa s) end.

(* Words of tables; only under the lock are they changed. *)
Definition p_load : prim state := fun args s =>
  match args with [a] => pre aligned s a in Ok (word s a, s) | _ => Stuck end.
Definition p_store (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [a; v] => pre ok s a && held s in Ok (0, setword a v s)
  | _ => Stuck
  end.
(* 4 KiB of words, under the lock. *)
Definition p_page_zero (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre every (fun i => ok s (pa + i * 8)) (count 512) && held s in Ok (0, zero (count 512) pa s)
  | _ => Stuck
  end.
Definition p_page_load (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with [a; o] => pre ok s (a + o) in Ok (word s (a + o), s) | _ => Stuck end.
Definition p_page_store (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with [a; o; v] => pre ok s (a + o) in Ok (0, setword (a + o) v s) | _ => Stuck end.

(* ---------------------------------------------------------------- registers *)

(* n registers of a bank from number i, each word through f, from or to the words from address a; or all the same. *)
Definition load_bank (f : Z -> Z) (b : string) (i n a : Z) (s : state) : state :=
  setregs (fun c j => if String.eqb c b && (i <=? j) && (j <? i + n) then f (word s (a + (j - i) * 8)) else reg s c j) s.
Definition save_bank (f : Z -> Z -> Z) (b : string) (i n a : Z) (s : state) : state :=
  setwords (fun x => if (a <=? x) && (x <? a + n * 8) && ((x - a) mod 8 =? 0)
                     then f ((x - a) / 8) (reg s b (i + (x - a) / 8)) else word s x) s.
Definition fill_bank (b : string) (i n v : Z) (s : state) : state :=
  setregs (fun c j => if String.eqb c b && (i <=? j) && (j <? i + n) then v else reg s c j) s.

Definition whole (z : Z) : Z := z.
Definition low32 (z : Z) : Z := Z.land z 4294967295.

(* Primitives that read or write one register: name, bank, index.  What is only read is fixed by installation
   (cpu_id, host_...: this CPU's values), by the last exception (esr, far, hpfar), or is the CPU's live value. *)
Definition reg_reads : list (string * string * Z) := [
  ("cpu_id", "cpu_id", 0); ("resume_entry", "resume_entry", 0); ("host_context", "host_context", 0);
  ("host_hcr", "host_hcr", 0); ("host_cptr", "host_cptr", 0); ("host_mdcr", "host_mdcr", 0);
  ("host_cnthctl", "host_cnthctl", 0); ("host_vmpidr", "host_vmpidr", 0);
  ("esr_read", "esr", 0); ("far_read", "far", 0); ("hpfar_read", "hpfar", 0);
  ("host_pc", "host_pc", 0); ("host_pstate", "host_pstate", 0);
  ("hcr_read", "hcr", 0); ("fpexc_read", "fpexc", 0); ("gic_vmcr_read", "ich_vmcr", 0);
  ("vbar_el1_read", "el1", 11); ("sctlr_el1_read", "el1", 1)].

(* host_pc, host_pstate: used at the return to the host; elr, spsr: where the next entry of the guest goes. *)
Definition reg_writes : list (string * string * Z) := [
  ("host_pc_set", "host_pc", 0); ("host_pstate_set", "host_pstate", 0);
  ("elr_write", "elr", 0); ("spsr_write", "spsr", 0); ("vttbr_write", "vttbr", 0); ("hcr_write", "hcr", 0);
  ("cptr_write", "cptr", 0); ("fpexc_write", "fpexc", 0); ("zcr_write", "zcr", 0); ("mdcr_write", "mdcr", 0); ("cnthctl_write", "cnthctl", 0);
  ("cntvoff_write", "cntvoff", 0); ("vmpidr_write", "vmpidr", 0); ("vsesr_write", "vsesr", 0);
  ("elr_el1_write", "el1", 21); ("spsr_el1_write", "el1", 22); ("esr_el1_write", "el1", 6); ("far_el1_write", "el1", 9)].

Definition p_read (b : string) (i : Z) : prim state := fun args s =>
  match args with [] => Ok (reg s b i, s) | _ => Stuck end.
Definition p_write (b : string) (i : Z) : prim state := fun args s =>
  match args with [v] => Ok (0, setreg b i v s) | _ => Stuck end.

(* x0..x30 of the host's trap frame. *)
Definition p_host_x : prim state := fun args s =>
  match args with [n] => pre (0 <=? n) && (n <? 31) in Ok (reg s "host_x" n, s) | _ => Stuck end.
Definition p_host_x_set : prim state := fun args s =>
  match args with [n; v] => pre (0 <=? n) && (n <? 31) in Ok (0, setreg "host_x" n v s) | _ => Stuck end.

(* The next exit saves x0..x30, pc, pstate at the context; the next trap is the host's. *)
Definition p_guest_select : prim state := fun args s =>
  match args with [c] => Ok (0, setreg "selected" 0 1 (setreg "guest_context" 0 c s)) | _ => Stuck end.
Definition p_host_select : prim state := fun args s =>
  match args with [] => Ok (0, setreg "selected" 0 0 s) | _ => Stuck end.

(* KCORE_SYSREGS, in their order, to and from the context. *)
Definition p_el1_save (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in Ok (0, save_bank (fun _ => whole) "el1" 0 KCORE_NR_SYSREGS (pa + CTX_SYS) s)
  | _ => Stuck
  end.
Definition p_el1_load (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in Ok (0, load_bank whole "el1" 0 KCORE_NR_SYSREGS (pa + CTX_SYS) s)
  | _ => Stuck
  end.

(* SPSR_abt, SPSR_und, SPSR_irq, SPSR_fiq, DACR32_EL2, IFSR32_EL2, to and from the vCPU's page. *)
Definition NR_A32 : Z := 6.
Definition p_a32_save (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in Ok (0, save_bank (fun _ => whole) "a32" 0 NR_A32 (pa + CTX_A32) s)
  | _ => Stuck
  end.
Definition p_a32_load (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in Ok (0, load_bank whole "a32" 0 NR_A32 (pa + CTX_A32) s)
  | _ => Stuck
  end.

(* FPSR, FPCR, then V0..V31 as two words each. *)
Definition NR_FP : Z := 66.
Definition p_fp_save (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in Ok (0, save_bank (fun _ => whole) "fp" 0 NR_FP (pa + CTX_FPSR) s)
  | _ => Stuck
  end.
Definition p_fp_load (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in Ok (0, load_bank whole "fp" 0 NR_FP (pa + CTX_FPSR) s)
  | _ => Stuck
  end.
Definition p_fp_clear : prim state := fun args s =>
  match args with [] => Ok (0, fill_bank "fp" 0 NR_FP 0 s) | _ => Stuck end.

(* The page's vgic (kcore/abi.h): hcr, vmcr, sre, used, ap0r[4], ap1r[4], lr[16]. *)
Definition vgic (pa i : Z) : Z := pa + CTX_VGIC + i * 8.
Definition lrs_used (pa : Z) (s : state) : Z := Z.min (word s (vgic pa 3)) (Z.land (cell s "ich_vtr" 0) 31 + 1).
(* Active-priority registers of each group: 1, 2 or 4, by the preemption bits that the machine has. *)
Definition nr_apr (s : state) : Z :=
  let bits := Z.land (Z.shiftr (cell s "ich_vtr" 0) 26) 7 + 1 in if 7 <=? bits then 4 else if 6 <=? bits then 2 else 1.

(* ICH_HCR and the list registers from the page, at most as many as there are; without sre, VMCR too. *)
Definition p_gic_lrs_load (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in
      let used := lrs_used pa s in
      let a := if word s (vgic pa 2) =? 0
               then setreg "icc_sre" 0 0 (setreg "ich_vmcr" 0 (low32 (word s (vgic pa 1))) s) else s in
      let b := setreg "lrs" 0 used a in
      Ok (0, if used =? 0 then b
             else load_bank whole "lr" 0 used (vgic pa 12) (setreg "ich_hcr" 0 (low32 (word s (vgic pa 0))) b))
  | _ => Stuck
  end.
(* And back: of a list register that the hardware reports as empty only the state changes; the registers are cleared. *)
Definition p_gic_lrs_save (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in
      let used := Z.min (reg s "lrs" 0) 32 in
      let empty := answer s (List.length (trace s)) 0 in
      let a := record "gic_lrs_save" [pa] s in
      let b := if used =? 0 then a
               else fill_bank "lr" 0 used 0 (setreg "ich_hcr" 0 0 (save_bank (fun i v =>
                      if Z.testbit empty i then Z.land (word s (vgic pa 12 + i * 8)) 4611686018427387903 else v)
                      "lr" 0 used (vgic pa 12) a)) in
      Ok (0, if Z.land (reg s "icc_sre" 0) 1 =? 0
             then setreg "icc_sre" 0 1 (setword (vgic pa 1) (reg s "ich_vmcr" 0) b) else b)
  | _ => Stuck
  end.
Definition p_gic_state_load (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in
      let a := if word s (vgic pa 2) =? 0 then s else setreg "ich_vmcr" 0 (low32 (word s (vgic pa 1))) s in
      Ok (0, load_bank low32 "ap1r" 0 (nr_apr s) (vgic pa 8) (load_bank low32 "ap0r" 0 (nr_apr s) (vgic pa 4) a))
  | _ => Stuck
  end.
Definition p_gic_state_save (ok : state -> Z -> bool) : prim state := fun args s =>
  match args with
  | [pa] => pre context_ok ok s pa in
      let a := if word s (vgic pa 2) =? 0 then s else setword (vgic pa 1) (reg s "ich_vmcr" 0) s in
      Ok (0, save_bank (fun _ => whole) "ap1r" 0 (nr_apr s) (vgic pa 8)
               (save_bank (fun _ => whole) "ap0r" 0 (nr_apr s) (vgic pa 4) a))
  | _ => Stuck
  end.

(* ------------------------------------------------------------- the rest of the hardware *)

(* What is done, in its order: barriers, caches, TLBs, sampling. *)
Definition p_do (f : string) : prim state := fun args s => Ok (0, record f args s).
Definition do_names : list string := [
  "dcache_clean_inval_page"; "icache_inval"; "dsb_store"; "dsb_tlbi"; "tlbi_ipa"; "tlbi_vmid"; "tlbi_local"; "isb";
  "profiling_stop"; "profiling_resume"; "measure_begin"; "measure_page"].

(* What only the hardware knows: any 64-bit value. *)
Definition p_ask (f : string) : prim state := fun args s =>
  Ok (answer s (List.length (trace s)) 0 mod 2 ^ 64, record f args s).
Definition ask_names : list string := ["counter_read"; "translate_el1"; "idreg_read"; "vdisr_read"; "measure_signed"; "measure_quote"; "measure_word"].

(* Firmware gets x0..x17 of the host's frame and answers in them. *)
Definition smc_registers : list Z := [0; 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 11; 12; 13; 14; 15; 16; 17].
Definition p_smc_forward : prim state := fun args s =>
  match args with
  | [] => let n := List.length (trace s) in
          Ok (0, setregs (fun c j => if String.eqb c "host_x" && (0 <=? j) && (j <? 18)
                                     then answer s n j mod 2 ^ 64 else reg s c j)
                   (record "smc_forward" (map (reg s "host_x") smc_registers) s))
  | _ => Stuck
  end.

(* ------------------------------------------------------------------- the layer *)

Definition cell_prims : list (string * prim state) :=
  (flat_map (fun n => [(String.append "get_" n, get0 n); (String.append "set_" n, set0 n)]) scalars ++
  flat_map (fun p => match p with (n, w, len) =>
    [(String.append "get_" n, get n (fun _ => len)); (String.append "set_" n, set n w (fun _ => len))] end) arrays ++
  flat_map (fun n => [(String.append "get_" n, get n nr_pages); (String.append "set_" n, set n 32 nr_pages)]) page_cells ++
  [("lock_acquire", p_lock_acquire); ("lock_release", p_lock_release); ("halt", p_halt)])%list.

Definition reg_prims : list (string * prim state) :=
  (map (fun p => match p with (f, b, i) => (f, p_read b i) end) reg_reads ++
  map (fun p => match p with (f, b, i) => (f, p_write b i) end) reg_writes ++
  [("host_x", p_host_x); ("host_x_set", p_host_x_set); ("guest_select", p_guest_select); ("host_select", p_host_select);
   ("fp_clear", p_fp_clear); ("smc_forward", p_smc_forward)] ++
  map (fun n => (n, p_do n)) do_names ++ map (fun n => (n, p_ask n)) ask_names)%list.

(* Memory that is no table: contexts, vCPU pages, DRAM. *)
Definition mem_prims (ok : state -> Z -> bool) : list (string * prim state) := [
  ("page_zero", p_page_zero ok); ("page_load", p_page_load ok); ("page_store", p_page_store ok);
  ("el1_save", p_el1_save ok); ("el1_load", p_el1_load ok); ("fp_save", p_fp_save ok); ("fp_load", p_fp_load ok);
  ("a32_save", p_a32_save ok); ("a32_load", p_a32_load ok);
  ("gic_lrs_load", p_gic_lrs_load ok); ("gic_lrs_save", p_gic_lrs_save ok);
  ("gic_state_load", p_gic_state_load ok); ("gic_state_save", p_gic_state_save ok)].

Definition prims : list (string * prim state) :=
  (cell_prims ++ reg_prims ++ mem_prims aligned ++ [("pt_load", p_load); ("pt_store", p_store aligned)])%list.

Definition prim_names : list string := map fst prims.

Definition L0 : layer state := fun f =>
  match find f prims with Some p => p | None => fun _ _ => Stuck end.

(* ------------------------------------------------------------------- lemmas *)

Lemma cell_setcell n i v s m j :
  cell (setcell n i v s) m j = if String.eqb m n && (j =? i) then v else cell s m j.
Proof. reflexivity. Qed.
Lemma cell_setcell_same n i v s : cell (setcell n i v s) n i = v.
Proof. simpl. rewrite String.eqb_refl, Z.eqb_refl. reflexivity. Qed.
Lemma word_setword a v s b : word (setword a v s) b = if b =? a then v else word s b.
Proof. reflexivity. Qed.
Lemma reg_setreg b i v s c j :
  reg (setreg b i v s) c j = if String.eqb c b && (j =? i) then v else reg s c j.
Proof. reflexivity. Qed.
Lemma reg_setreg_same b i v s : reg (setreg b i v s) b i = v.
Proof. simpl. rewrite String.eqb_refl, Z.eqb_refl. reflexivity. Qed.

(* ------------------------------------------------------------------- tactics *)

(* A primitive by its name. *)
Ltac base_lookup :=
  repeat match goal with
  | |- context [L0 ?f] =>
      let p := eval lazy beta iota delta
        [L0 find prims cell_prims reg_prims mem_prims flat_map map List.app String.append scalars arrays page_cells
         reg_reads reg_writes do_names ask_names String.eqb Ascii.eqb Bool.eqb] in (L0 f) in
      change (L0 f) with p
  end.

(* Reads of what was just written. *)
Ltac simpl_state :=
  repeat first
    [ rewrite cell_setcell_same | rewrite reg_setreg_same
    | progress cbn [cell word reg held trace answer s1 tab leaf table setcell setwords setword setregs setreg sethold
                    record String.eqb Ascii.eqb Bool.eqb andb] ].

(* Preconditions of primitives: each conjunct by lia or from the context. *)
Ltac pre_true :=
  unfold aligned, context_ok;
  repeat rewrite andb_true_iff; repeat split;
  first [ reflexivity | assumption | apply Z.leb_le; lia | apply Z.ltb_lt; lia | apply Z.eqb_eq; lia
        | apply orb_true_iff; (left; reflexivity) || (right; assumption) ].
Ltac pres :=
  repeat match goal with
  | |- context [if ?b then _ else Stuck] =>
      replace b with true by (symmetry; pre_true); cbn beta iota
  end.

(* Cells just written are read back; stored values that fit are not cut. *)
Lemma cell_other n i v s m j : String.eqb m n = false -> cell (setcell n i v s) m j = cell s m j.
Proof. intros E. cbn [cell setcell]. rewrite E. reflexivity. Qed.
Lemma cell_at n i v s j : j <> i -> cell (setcell n i v s) n j = cell s n j.
Proof. intros E. cbn [cell setcell]. rewrite String.eqb_refl. destruct (Z.eqb_spec j i); [congruence|reflexivity]. Qed.
Lemma reg_other b i v s c j : String.eqb c b = false -> reg (setreg b i v s) c j = reg s c j.
Proof. intros E. cbn [reg setreg setregs]. rewrite E. reflexivity. Qed.
Lemma reg_at b i v s j : j <> i -> reg (setreg b i v s) b j = reg s b j.
Proof.
  intros E. cbn [reg setreg setregs]. rewrite String.eqb_refl. destruct (Z.eqb_spec j i); [congruence|reflexivity].
Qed.
Lemma load_other f b i n a s c j : String.eqb c b = false -> reg (load_bank f b i n a s) c j = reg s c j.
Proof. intros E. cbn [reg load_bank setregs]. rewrite E. reflexivity. Qed.
Ltac reads :=
  repeat match goal with
  | |- context [cell (setcell ?n ?i ?v ?s) ?m ?j] =>
      first [ rewrite (cell_other n i v s m j eq_refl) | rewrite (cell_setcell_same n i v s)
            | rewrite (cell_at n i v s j) by lia ]
  | |- context [reg (setreg ?n ?i ?v ?s) ?m ?j] =>
      first [ rewrite (reg_other n i v s m j eq_refl) | rewrite (reg_setreg_same n i v s)
            | rewrite (reg_at n i v s j) by lia ]
  | |- context [reg (setcell ?n ?i ?v ?s)] => change (reg (setcell n i v s)) with (reg s)
  | |- context [cell (setreg ?n ?i ?v ?s)] => change (cell (setreg n i v s)) with (cell s)
  | |- context [cell (setword ?i ?v ?s)] => change (cell (setword i v s)) with (cell s)
  | |- context [cell (record ?f ?l ?s)] => change (cell (record f l s)) with (cell s)
  | |- context [cell (sethold ?b ?s)] => change (cell (sethold b s)) with (cell s)
  | |- context [reg (setword ?i ?v ?s)] => change (reg (setword i v s)) with (reg s)
  | |- context [reg (record ?f ?l ?s)] => change (reg (record f l s)) with (reg s)
  | |- context [reg (sethold ?b ?s)] => change (reg (sethold b s)) with (reg s)
  | |- context [reg (load_bank ?f ?b ?i ?n ?a ?s) ?m ?j] => rewrite (load_other f b i n a s m j eq_refl)
  | |- context [cell (load_bank ?f ?b ?i ?n ?a ?s)] => change (cell (load_bank f b i n a s)) with (cell s)
  | |- context [word (load_bank ?f ?b ?i ?n ?a ?s)] => change (word (load_bank f b i n a s)) with (word s)
  | |- context [word (setcell ?n ?i ?v ?s)] => change (word (setcell n i v s)) with (word s)
  | |- context [word (setreg ?n ?i ?v ?s)] => change (word (setreg n i v s)) with (word s)
  | |- context [word (record ?f ?l ?s)] => change (word (record f l s)) with (word s)
  | |- context [word (sethold ?b ?s)] => change (word (sethold b s)) with (word s)
  | |- context [held (setcell ?n ?i ?v ?s)] => change (held (setcell n i v s)) with (held s)
  | |- context [held (setreg ?n ?i ?v ?s)] => change (held (setreg n i v s)) with (held s)
  | |- context [held (setword ?i ?v ?s)] => change (held (setword i v s)) with (held s)
  | |- context [held (record ?f ?l ?s)] => change (held (record f l s)) with (held s)
  | |- context [held (sethold ?b ?s)] => change (held (sethold b s)) with b
  | |- context [?z mod 2 ^ ?w] => rewrite (Z.mod_small z (2 ^ w)) by lia
  end.

(* A memory access that the layer decides about: the layer's own tactic proves it. *)
Ltac unfold_prims :=
  cbv beta iota delta [get set get0 set0 p_lock_acquire p_lock_release p_load p_store p_page_zero p_page_load p_page_store
    p_halt p_read p_write p_host_x p_host_x_set p_guest_select p_host_select p_el1_save p_el1_load p_a32_save p_a32_load p_fp_save p_fp_load
    p_fp_clear p_gic_lrs_load p_gic_lrs_save p_gic_state_load p_gic_state_save p_do p_ask p_smc_forward].
Ltac simpl_prim ::= base_lookup; unfold_prims; reads; pres.
