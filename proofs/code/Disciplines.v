(* SPDX-License-Identifier: GPL-2.0-only *)
(* The static disciplines of the core, each computed on the translated C as a whole. *)
From KCore Require Import machine.Base lang.Check gen.Program.
Local Open Scope string_scope.
Local Open Scope nat_scope.

Definition one_of (l : list string) (f : string) : bool := existsb (String.eqb f) l.

(* ---- the lock: 0 free, 1 held ---- *)

(* A cell that only the holder may write, or a table word. *)
Definition needs_lock (f : string) : bool :=
  String.prefix "set_" f && under_lock (String.substring 4 (String.length f - 4) f) || String.eqb f "pt_store".

Definition lock_delta (q : nat) (f : string) : option (list nat) :=
  if String.eqb f "halt" then Some []
  else if String.eqb f "lock_acquire" then match q with 0 => Some [1] | _ => None end
  else if String.eqb f "lock_release" then match q with 1 => Some [0] | _ => None end
  else if needs_lock f then match q with 1 => Some [1] | _ => None end
  else Some [q].

Definition lock_rule := automaton prim_names lock_delta.

(* ---- invalidation: 0 no table store is unordered, 1 stored, 2 invalidated and not complete ---- *)

(* A TLB invalidation comes after the dsb that follows the last table store; it is complete (second
   dsb) before the lock is released, before another table store, and before a page is scrubbed. *)
Definition tlb_delta (q : nat) (f : string) : option (list nat) :=
  if String.eqb f "halt" then Some []
  else if String.eqb f "pt_store" then match q with 2 => None | _ => Some [1] end
  else if String.eqb f "dsb_store" then match q with 2 => Some [2] | _ => Some [0] end
  else if one_of ["tlbi_ipa"; "tlbi_vmid"] f then match q with 1 => None | _ => Some [2] end
  else if String.eqb f "dsb_tlbi" then match q with 1 => None | _ => Some [0] end
  else if one_of ["lock_release"; "page_zero"; "dcache_clean_inval_page"] f then
    match q with 2 => None | _ => Some [q] end
  else Some [q].

Definition tlb_rule := automaton prim_names tlb_delta.

(* ---- visible changes: 0 outside of a section, 1 in one, 2 after its change ---- *)

(* The functions of s2map.c are taken as primitives here: s2_clear and s2_set change a translation; s2_split,
   s2_prepare and s2_free_table leave every translation as it is (a walk may fault meanwhile). *)
Definition s2map : list string := map fst m_s2map.
Definition above_s2map : modul := filter (fun p => negb (one_of s2map (fst p))) program.

Definition commit_delta (q : nat) (f : string) : option (list nat) :=
  if String.eqb f "halt" then match q with 2 => None | _ => Some [] end
  else if String.eqb f "lock_acquire" then Some [1]
  else if String.eqb f "lock_release" then Some [0]
  else if one_of ["s2_clear"; "s2_set"] f then match q with 1 => Some [2] | _ => None end
  else Some [q].
Definition commit_rule := automaton (prim_names ++ s2map) commit_delta.

(* ---- results ---- *)

(* What the trap vectors call. *)
Definition entries : list string := ["host_trap"; "guest_exit"].

Definition quiet (d : summary) (M : modul) (q : nat) (f : string) : bool :=
  match with_module 4 d M f q with Some _ => true | None => false end.

(* Every function is for callers that hold the lock, or for callers that do not, and leaves it so. *)
Definition locked_or_not (f : string) : bool :=
  obeys 4 lock_rule program 0 0 f || obeys 4 lock_rule program 1 1 f.

Lemma lock_discipline :
  forallb (obeys 4 lock_rule program 0 0) entries = true /\ forallb locked_or_not (map fst program) = true.
Proof. split; vm_compute; reflexivity. Qed.

Lemma tlb_discipline : forallb (quiet tlb_rule program 0) (map fst program) = true.
Proof. vm_compute. reflexivity. Qed.

Lemma commit_discipline : forallb (obeys 4 commit_rule above_s2map 0 0) entries = true.
Proof. vm_compute. reflexivity. Qed.
