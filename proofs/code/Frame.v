(* SPDX-License-Identifier: GPL-2.0-only *)
(* Where vCPUs keep their registers: what a change of state leaves so, and calls that leave it. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Regs code.Release code.Cpu code.Gpsci code.Run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The lock, tables, and the pages of vCPUs are as they were. *)
Definition frame (s t : state) : Prop :=
  cell t "vcpu_context" = cell s "vcpu_context" /\ cell t "vcpu_page" = cell s "vcpu_page" /\
  cell t "root_base" = cell s "root_base" /\ table t = table s /\ held t = held s.
Lemma frame_refl s : frame s s.
Proof. repeat split. Qed.
Lemma frame_trans s t u : frame s t -> frame t u -> frame s u.
Proof. intros (A & B & C & D & E) (A' & B' & C' & D' & E'). repeat split; congruence. Qed.
Lemma frame_ctx s t p : frame s t -> ctx_ok t p = ctx_ok s p.
Proof.
  intros (_ & _ & R & T & _). unfold ctx_ok, context_ok, plain, aligned, in_roots, page. rewrite R, T. reflexivity.
Qed.
Lemma frame_mem s t v : frame s t -> vcpu_mem t v = vcpu_mem s v.
Proof. intros F. unfold vcpu_mem. rewrite !(frame_ctx _ _ _ F). destruct F as (-> & -> & _). reflexivity. Qed.
Lemma frame_ok s t v : frame s t -> vcpu_ok t v = vcpu_ok s v.
Proof. intros F. unfold vcpu_ok. rewrite !(frame_ctx _ _ _ F). destruct F as (-> & -> & _). reflexivity. Qed.
Lemma frame_roots s t v : frame s t -> roots_ok t v = roots_ok s v.
Proof. intros (_ & _ & R & _). unfold roots_ok. rewrite R. reflexivity. Qed.
Lemma frame_held s t : frame s t -> held t = held s.
Proof. intros (_ & _ & _ & _ & H). exact H. Qed.
Ltac framed := first [assumption | exact (frame_refl _) | repeat split; reflexivity].

(* Facts about a state, carried over. *)
Ltac carry F :=
  repeat match type of F with frame ?s ?t =>
    match goal with
    | H : ctx_ok s ?p = true |- _ =>
        lazymatch goal with _ : ctx_ok t p = true |- _ => fail | _ => pose proof (eq_trans (frame_ctx s t p F) H) end
    | H : vcpu_mem s ?v = true |- _ =>
        lazymatch goal with _ : vcpu_mem t v = true |- _ => fail | _ => pose proof (eq_trans (frame_mem s t v F) H) end
    | H : vcpu_ok s ?v = true |- _ =>
        lazymatch goal with _ : vcpu_ok t v = true |- _ => fail | _ => pose proof (eq_trans (frame_ok s t v F) H) end
    | H : roots_ok s ?v = true |- _ =>
        lazymatch goal with _ : roots_ok t v = true |- _ => fail | _ => pose proof (eq_trans (frame_roots s t v F) H) end
    | H : held s = ?b |- _ =>
        lazymatch goal with _ : held t = b |- _ => fail | _ => pose proof (eq_trans (frame_held s t F) H) end
    end
  end.

(* Both ways through a statement end in one state. *)
Lemma wp_join {St} (L : layer St) c (Q : post) e s e' t :
  wp L c (fun r => r = Ok (ONext, e', t)) e s -> Q (Ok (ONext, e', t)) -> wp L c Q e s.
Proof. unfold wp. intros ->. auto. Qed.

(* EL1 registers to and from half a page. *)
Definition save_el1 (pa : Z) (s : state) : state := save_bank (fun _ => whole) "el1" 0 KCORE_NR_SYSREGS (pa + CTX_SYS) s.
Definition load_el1 (pa : Z) (s : state) : state := load_bank whole "el1" 0 KCORE_NR_SYSREGS (pa + CTX_SYS) s.

(* The virtual GIC's list registers from the page. *)
Lemma lrs_loaded page s : context_ok plain s page = true ->
  exists t, p_gic_lrs_load plain [page] s = Ok (0, t) /\ cell t = cell s /\ frame s t.
Proof.
  intros H. unfold p_gic_lrs_load. rewrite H. eexists. split; [reflexivity|].
  destruct (lrs_used page s =? 0), (word s (vgic page 2) =? 0); split; framed.
Qed.
