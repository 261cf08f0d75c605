(* SPDX-License-Identifier: GPL-2.0-only *)
(* From the trap to the handler and back: host_trap, host_hvc and host_call, for a call of the table. *)
From KCore Require Import code.Common code.Log code.Stats gen.C_trap gen.C_stats.
From KCore Require Export sim.Link sim.Answer.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The table's handlers by what they do in the linked core; the rest is L1's. *)
Definition is_handler (f : string) : bool := existsb (fun p => String.eqb f (fst (fst p))) hypercalls.
Definition dispatch (h : layer state) : layer state := fun f => if is_handler f then h f else L1 f.
Definition host_word (s : state) (n : Z) : Z := Base.reg s "host_x" n.
Definition registers (s : state) (n : Z) : list Z := firstn (Z.to_nat n) (map (host_word s) [1; 2; 3; 4; 5]).

Lemma host_call_run h name nr n s x : In (name, nr, n) hypercalls -> h name (registers s n) s = Ok x ->
  Lang.run (dispatch h) f_host_call [nr] s = Ok x.
Proof.
  intros T E. cbn [hypercalls In] in T.
  repeat match type of T with
  | _ \/ _ => destruct T as [T|T]
  | False => destruct T
  | _ = _ => injection T as <- <- <-; lazy in E |- *; rewrite E; destruct x; reflexivity
  end.
Qed.

Definition L_hvc (call : prim state) : layer state := add (add (add L1 "host_call" call) "stat_add" s_stat_add) "stat_max" s_stat_max.
(* The state in which the handler runs, and the one in which the host goes on. *)
Definition called (s : state) : state := record "counter_read" [] s.
Definition timed (c x : Z) (s : state) : state := stat_max c KCORE_STAT_el2_max x (record "counter_read" [] s).

Lemma host_hvc_run call c s r s' : is_cpu c -> KCORE_STUB_CALLS <= host_word s 0 -> host_word s 0 <> 3321907969 ->
  call [host_word s 0] (called s) = Ok (r, s') ->
  exists x, Lang.run (L_hvc call) f_host_hvc [c] s = Ok (0, timed c x (returned c r s')).
Proof.
  unfold host_word, called, is_cpu, KCORE_MAX_CPUS, KCORE_STUB_CALLS. intros C F N E.
  assert (Go : forall y, (exists x, y = Ok (0, timed c x (returned c r s'))) -> exists x, y = Ok (0,
    timed c x (returned c r s'))) by auto.
  apply Go. clear Go. code f_host_hvc.
  unfold L_hvc, timed, returned. consts.
  assert (A : forall k, 0 <= k < 24 -> stat_ok c k = true).
  { intros k K. unfold stat_ok, KCORE_MAX_CPUS, KCORE_NR_STATS. repeat rewrite andb_true_iff. rewrite !Z.leb_le, !Z.ltb_lt. lia. }
  repeat first [progress (rewrite ?E, ?A by lia; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result]; try rewrite C2; eexists; reflexivity.
Qed.

Definition EC_HVC : Z := 22.
Lemma host_trap_run hvc c s x : Base.reg s "cpu_id" 0 = c -> 0 <= Base.reg s "esr" 0 -> Z.shiftr (Base.reg s "esr" 0) 26 = EC_HVC ->
  hvc [c] s = Ok x -> Lang.run (add L1 "host_hvc" hvc) f_host_trap [0] s = Ok x.
Proof.
  unfold EC_HVC. intros <- P S E. code f_host_trap. destruct x as [v u].
  repeat first [progress (rewrite ?E; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result] in *; try reflexivity; match goal with C : (Z.shiftr _ _ =? 22) = false |- _ => rewrite S in C; discriminate C end.
Qed.

(* ------------------------------------------------------------------ linked *)

Lemma handlers_before : forallb (fun p => match Lang.find (fst (fst p)) (before "host_call" above) with Some _ => true | None => false
  end) hypercalls = true.
Proof. vm_compute. reflexivity. Qed.
Lemma does_host_call : does "host_call" (Lang.run (dispatch (link L1 above)) f_host_call).
Proof.
  apply (does_meets _ f_host_call (dispatch (link L1 above))); [reflexivity| |intros args s; right; reflexivity].
  intros f. unfold dispatch. destruct (is_handler f) eqn:E; [|apply below].
  unfold is_handler in E. apply existsb_exists in E as (p & I & E). apply String.eqb_eq in E as ->.
  pose proof handlers_before as B. rewrite forallb_forall in B. specialize (B p I).
  rewrite link_before; [apply sim_refl|apply above_once|]. destruct (Lang.find _ _); [discriminate|discriminate B].
Qed.
Lemma does_stat_add : does "stat_add" s_stat_add. Proof. eapply does_meets; [reflexivity|callees|exact stat_add_ok]. Qed.
Lemma does_stat_max : does "stat_max" s_stat_max. Proof. eapply does_meets; [reflexivity|callees|exact stat_max_ok]. Qed.
Lemma does_host_hvc : does "host_hvc" (Lang.run (L_hvc (link L1 above "host_call")) f_host_hvc).
Proof.
  pose proof does_stat_add. pose proof does_stat_max. assert (does "host_call" (link L1 above "host_call")) by apply sim_refl.
  apply (does_meets _ f_host_hvc (L_hvc (link L1 above "host_call"))); [reflexivity|unfold L_hvc; callees|intros args s; right;
    reflexivity].
Qed.
Lemma does_host_trap : does "host_trap" (Lang.run (add L1 "host_hvc" (link L1 above "host_hvc")) f_host_trap).
Proof.
  assert (does "host_hvc" (link L1 above "host_hvc")) by apply sim_refl.
  apply (does_meets _ f_host_trap (add L1 "host_hvc" (link L1 above "host_hvc"))); [reflexivity|callees|intros args s; right;
    reflexivity].
Qed.

(* The host's HVC with a number of the table, from the vector to the return: the handler between these two. *)
Theorem trap_calls name nr n c s r s' : In (name, nr, n) hypercalls -> name <> "hc_vcpu_run" ->
  Base.reg s "cpu_id" 0 = c -> is_cpu c -> 0 <= Base.reg s "esr" 0 -> Z.shiftr (Base.reg s "esr" 0) 26 = EC_HVC -> host_word s 0 = nr ->
  link L1 above name (registers s n) (called s) = Ok (r, s') ->
  exists x, link L1 above "host_trap" [0] s = Ok (0, timed c x (returned c r s')).
Proof.
  intros T N Ec C P S F E. change (registers s n) with (registers (called s) n) in E. eapply host_call_run in E; [|exact T].
  apply (does_ok _ _ _ _ _ does_host_call) in E. rewrite <- F in E.
  assert (A : KCORE_STUB_CALLS <= host_word s 0 /\ host_word s 0 <> 3321907969).
  { rewrite F. unfold KCORE_STUB_CALLS. clear - T N. cbn [hypercalls In] in T.
    repeat (destruct T as [T|T]; [injection T as <- <- <-; split; try lia; try discriminate; now destruct N|]). destruct T. }
  destruct A as [A1 A2].
  destruct (host_hvc_run (link L1 above "host_call") c s r s' C A1 A2 E) as (x & X).
  exists x. apply (does_ok _ _ _ _ _ does_host_trap). 
  apply (does_ok _ _ _ _ _ does_host_hvc) in X.
  apply (host_trap_run _ c s _ Ec P S X).
Qed.
