(* SPDX-License-Identifier: GPL-2.0-only *)
(* The core above stage-2 tables, linked over layer L1: each function runs over those before it. *)
From KCore Require Export machine.Map.
From KCore Require Import gen.C_log gen.C_stats gen.C_region gen.C_owner gen.C_host gen.C_transfer gen.C_share gen.C_guard gen.C_range gen.C_vm gen.C_auth gen.C_vcpu
  gen.C_inject gen.C_idreg gen.C_regs gen.C_gpsci gen.C_vendor gen.C_run gen.C_psci gen.C_trap.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Callees first (vcpu.c calls run.c). *)
Definition above : modul :=
  (m_log ++ m_stats ++ m_region ++ m_owner ++ m_host ++ m_transfer ++ m_share ++ m_guard ++ m_range ++ m_vm ++ m_auth ++
   m_inject ++ m_idreg ++ m_regs ++ m_gpsci ++ m_vendor ++ m_run ++ m_vcpu ++ m_psci ++ m_trap)%list.

(* ------------------------------------------------------------------ one function of a linked module *)

Fixpoint before (f : string) (M : modul) : modul :=
  match M with [] => [] | (g, d) :: r => if String.eqb f g then [] else (g, d) :: before f r end.
Fixpoint once (M : modul) : bool :=
  match M with [] => true | (g, _) :: r => match find g r with None => once r | Some _ => false end end.

Section Link.
Context {St : Type}.

Lemma link_find M f d : forall L : layer St, once M = true -> find f M = Some d -> link L M f = run (link L (before f M)) d.
Proof.
  induction M as [|[g e] M IH]; intros L O F; cbn [find before link once] in *; [discriminate|].
  destruct (find g M) eqn:G; [discriminate|]. destruct (String.eqb_spec f g) as [->|N].
  - injection F as ->. rewrite link_other by exact G. unfold add. rewrite String.eqb_refl. reflexivity.
  - cbn [link]. apply IH; auto.
Qed.

Lemma find_before M f g : find g M = None -> find g (before f M) = None.
Proof.
  induction M as [|[h e] M IH]; cbn [find before]; auto. destruct (String.eqb g h) eqn:E; [discriminate|]. intros N.
  destruct (String.eqb f h); auto. cbn [find]. rewrite E. auto.
Qed.

Lemma link_before M f g : forall L : layer St, once M = true -> find g (before f M) <> None -> link L (before f M) g = link L M g.
Proof.
  induction M as [|[h e] M IH]; intros L O F; cbn [find before link once] in *; [contradiction|].
  destruct (find h M) eqn:G; [discriminate|]. destruct (String.eqb f h); [contradiction|]. cbn [link find] in *.
  destruct (String.eqb_spec g h) as [->|N]; [|apply IH; auto].
  rewrite !link_other by auto using find_before. reflexivity.
Qed.
End Link.

Lemma prim_trans {St} (p q r : prim St) : sim_prim eq p q -> sim_prim eq q r -> sim_prim eq p r.
Proof. rewrite <- !meets_sim. intros A B args s. destruct (B args s) as [E|E]; [auto|]. destruct (A args s) as [F|F]; [left;
  congruence|right; congruence]. Qed.

(* ------------------------------------------------------------------ over L1 *)

Lemma above_once : once above = true.
Proof. vm_compute. reflexivity. Qed.
(* Nothing of L1 is defined again. *)
Lemma above_new : forallb (fun p => match find (fst p) prims1 with None => true | Some _ => false end) above = true.
Proof. vm_compute. reflexivity. Qed.

Lemma find_in {A} g (M : list (string * A)) d : find g M = Some d -> In (g, d) M.
Proof.
  induction M as [|[h e] M IH]; cbn [find]; [discriminate|]. destruct (String.eqb_spec g h) as [->|N]; [intros E; injection E as ->;
    left; auto|right; auto].
Qed.
Lemma before_in M f x : In x (before f M) -> In x M.
Proof. induction M as [|[h e] M IH]; cbn [before]; auto. destruct (String.eqb f h); [intros []|]. intros [<-|H]; [left; auto|right;
  auto]. Qed.

Lemma below f : sim eq (link L1 (before f above)) L1.
Proof.
  intros g. destruct (find g (before f above)) as [d|] eqn:E; [|rewrite link_other by exact E; apply sim_refl].
  apply find_in, before_in in E. pose proof above_new as N. rewrite forallb_forall in N. specialize (N _ E). cbn [fst] in N.
  intros args s t _. unfold L1. destruct (find g prims1); [discriminate|exact I].
Qed.

Lemma sim_with {St} (L K : layer St) g q : sim eq L K -> sim_prim eq (L g) q -> sim eq L (add K g q).
Proof. intros S Hq h. unfold add. destruct (String.eqb_spec h g) as [->|N]; [exact Hq|apply S]. Qed.

(* What the function does over specifications of what it calls, it does in the linked core. *)
Definition does (f : string) (q : prim state) : Prop := sim_prim eq (link L1 above f) q.
Lemma does_meets f d K q : find f above = Some d -> sim eq (link L1 (before f above)) K -> meets (run K d) q -> does f q.
Proof.
  intros F S M. unfold does. rewrite (link_find _ _ _ _ above_once F). eapply prim_trans; [apply sim_run, S|]. apply meets_sim, M.
Qed.
Lemma with_callee f g q K : find g (before f above) <> None -> sim eq (link L1 (before f above)) K -> does g q ->
  sim eq (link L1 (before f above)) (add K g q).
Proof. intros F S H. apply sim_with; auto. rewrite link_before; auto using above_once. Qed.

Ltac callees := repeat (eapply with_callee; [vm_compute; discriminate| |eassumption]); apply below.

(* What it gives is what the specification gives. *)
Lemma does_ok f q args s x : does f q -> q args s = Ok x -> link L1 above f args s = Ok x.
Proof.
  intros H E. specialize (H args s s eq_refl). rewrite E in H. destruct H as ([v u] & -> & A & B). destruct x; cbn in *. congruence.
Qed.

(* A property of what a function does, by symbolic execution. *)
Lemma run_post {St} (L : layer St) d args s (X : res (Z * St) -> Prop) : Nat.eqb (List.length args) (fn_params d) = true ->
  wp L (fn_body d) (fun r => X (result r)) (frame d args) s -> X (Lang.run L d args s).
Proof. unfold wp, Lang.run. intros ->. auto. Qed.
Ltac code f := apply run_post; [reflexivity|]; unfold f, frame; cbn [fn_body fn_params fn_vars map app repeat List.length Nat.sub].
