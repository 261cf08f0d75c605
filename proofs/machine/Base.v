(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The trusted primitives of common-core/include/kcore/machine.h on one CPU: the bottom layer.
 * Cells and memory have a meaning of their own; what the rest of the hardware answers is arbitrary, and
 * what it is asked is recorded.
 *)
From KCore Require Export lang.Wp gen.Tables.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Record state := mkstate {
  cell : string -> Z -> Z;               (* by name and index; scalars at index 0 *)
  word : Z -> Z;                         (* 64-bit words of physical memory, by PA *)
  held : bool;                           (* the lock *)
  trace : list (string * list Z);        (* calls of hardware primitives, the last first *)
  answer : nat -> Z                      (* what they answer *)
}.

Definition setcell (n : string) (i v : Z) (s : state) : state :=
  mkstate (fun m j => if String.eqb m n && (j =? i) then v else cell s m j)
    (word s) (held s) (trace s) (answer s).
Definition setword (a v : Z) (s : state) : state :=
  mkstate (cell s) (fun b => if b =? a then v else word s b) (held s) (trace s) (answer s).
Definition sethold (b : bool) (s : state) : state :=
  mkstate (cell s) (word s) b (trace s) (answer s).
Definition record (f : string) (args : list Z) (s : state) : state :=
  mkstate (cell s) (word s) (held s) ((f, args) :: trace s) (answer s).

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

(* Words of tables and contexts; only under the lock are tables changed. *)
Definition p_load : prim state := fun args s =>
  match args with [a] => pre a mod 8 =? 0 in Ok (word s a, s) | _ => Stuck end.
Definition p_store : prim state := fun args s =>
  match args with
  | [a; v] => pre (a mod 8 =? 0) && held s in Ok (0, setword a v s)
  | _ => Stuck
  end.
Definition p_page_load : prim state := fun args s =>
  match args with [a; o] => pre (a + o) mod 8 =? 0 in Ok (word s (a + o), s) | _ => Stuck end.
Definition p_page_store : prim state := fun args s =>
  match args with [a; o; v] => pre (a + o) mod 8 =? 0 in Ok (0, setword (a + o) v s) | _ => Stuck end.

Definition p_io (f : string) : prim state := fun args s =>
  Ok (answer s (List.length (trace s)) mod 2 ^ 64, record f args s).

(* Every other primitive of machine.h: registers, barriers, caches, TLBs, interrupt controller. *)
Definition io_names : list string := [
  "cpu_id"; "counter_read"; "dcache_clean_inval_page"; "icache_inval"; "dsb_store"; "dsb_tlbi";
  "tlbi_ipa"; "tlbi_vmid"; "tlbi_local"; "host_x"; "host_x_set"; "host_pc"; "host_pc_set";
  "host_pstate"; "host_pstate_set"; "smc_forward"; "resume_entry"; "esr_read"; "far_read";
  "hpfar_read"; "translate_el1"; "el1_save"; "el1_load"; "host_context"; "vbar_el1_read";
  "sctlr_el1_read"; "elr_el1_write"; "spsr_el1_write"; "esr_el1_write"; "far_el1_write";
  "elr_write"; "spsr_write"; "vttbr_write"; "hcr_write"; "hcr_read"; "cptr_write"; "mdcr_write";
  "cnthctl_write"; "cntvoff_write"; "vmpidr_write"; "vsesr_write"; "vdisr_read"; "host_hcr";
  "host_cptr"; "host_mdcr"; "host_cnthctl"; "host_vmpidr"; "guest_select"; "host_select";
  "idreg_read"; "isb"; "fp_save"; "fp_load"; "fp_clear"; "gic_lrs_load"; "gic_lrs_save";
  "gic_state_load"; "gic_state_save"; "gic_vmcr_read"; "profiling_stop"; "profiling_resume"].

Definition prims : list (string * prim state) :=
  (  flat_map (fun n => [(String.append "get_" n, get0 n); (String.append "set_" n, set0 n)]) scalars ++
  flat_map (fun p => match p with (n, w, len) =>
    [(String.append "get_" n, get n (fun _ => len)); (String.append "set_" n, set n w (fun _ => len))] end) arrays ++
  flat_map (fun n => [(String.append "get_" n, get n nr_pages); (String.append "set_" n, set n 32 nr_pages)]) page_cells ++
  [("lock_acquire", p_lock_acquire); ("lock_release", p_lock_release); ("halt", p_halt);
   ("pt_load", p_load); ("pt_store", p_store); ("mem_store", p_store);
   ("page_load", p_page_load); ("page_store", p_page_store)] ++
  map (fun n => (n, p_io n)) io_names)%list.

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

(* ------------------------------------------------------------------- tactics *)

(* A primitive by its name. *)
Ltac base_lookup :=
  repeat match goal with
  | |- context [L0 ?f] =>
      let p := eval lazy beta iota delta
        [L0 find prims flat_map map List.app String.append scalars arrays page_cells io_names
         String.eqb Ascii.eqb Bool.eqb] in (L0 f) in
      change (L0 f) with p
  end.

(* Reads of what was just written. *)
Ltac simpl_state :=
  repeat first
    [ rewrite cell_setcell_same
    | progress cbn [cell word held trace answer setcell setword sethold record String.eqb
                    Ascii.eqb Bool.eqb andb] ].

(* Preconditions of primitives: each conjunct by lia or from the context. *)
Ltac pre_true :=
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
Ltac reads :=
  repeat match goal with
  | |- context [cell (setcell ?n ?i ?v ?s) ?m ?j] =>
      first [ rewrite (cell_other n i v s m j eq_refl) | rewrite (cell_setcell_same n i v s)
            | rewrite (cell_at n i v s j) by lia ]
  | |- context [word (setcell ?n ?i ?v ?s)] => change (word (setcell n i v s)) with (word s)
  | |- context [held (setcell ?n ?i ?v ?s)] => change (held (setcell n i v s)) with (held s)
  | |- context [?z mod 2 ^ ?w] => rewrite (Z.mod_small z (2 ^ w)) by lia
  end.

Ltac simpl_prim ::=
  base_lookup;
  cbv beta iota delta [get set get0 set0 p_lock_acquire p_lock_release p_load p_store p_page_load
                       p_page_store p_io p_halt bind];
  reads; pres.
