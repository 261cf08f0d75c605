(* SPDX-License-Identifier: GPL-2.0-only *)
(* What a guest's call about its memory leaves as it was: registers, the lock, and where vCPUs are. *)
From KCore Require Import code.Common code.Calls code.Pool code.Transfer code.Host code.Share.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Cells that it writes. *)
Definition share_writes : list string :=
  ["page_owner"; "page_maps"; "pages_vm"; "pages_scrubbed"; "vm_pages"; "vm_tables"; "pool_free"; "pool_reserve"; "pool_head"; "pool_bump"].
Record stands (s u : state) : Prop := {
  d_cell : forall n, existsb (String.eqb n) share_writes = false -> forall i, cell u n i = cell s n i;
  d_reg : Base.reg u = Base.reg s;
  d_held : held u = held s;
  d_answer : answer u = answer s
}.
Lemma stands_refl s : stands s s.
Proof. split; auto. Qed.
Lemma stands_trans s t u : stands s t -> stands t u -> stands s u.
Proof. intros [A B C E] [A' B' C' E']. split; try congruence. intros n N i. rewrite A', A by exact N. reflexivity. Qed.
Lemma stands_cell n i x s : existsb (String.eqb n) share_writes = true -> stands s (setcell n i x s).
Proof.
  intros N. split; auto. intros m M j. rewrite cell_setcell. destruct (String.eqb_spec m n) as [->|]; [congruence|reflexivity].
Qed.
Lemma stands_record f a s : stands s (record f a s).
Proof. split; auto. Qed.
Lemma stands_maps s a b l t : stands s (with_maps s a b l t).
Proof. split; auto. Qed.
Lemma stands_zero n p s : stands s (zero n p s).
Proof.
  induction n as [|n IH]; [apply stands_refl|]. apply (stands_trans _ _ _ IH). split; auto.
Qed.
Lemma stands_count b i n s : stands s (map_count b s i n).
Proof.
  induction n as [|n IH]; [apply stands_refl|]. cbn [map_count]. apply (stands_trans _ _ _ IH), stands_cell. reflexivity.
Qed.

(* A call that, where it gives something, leaves the rest. *)
Definition leaves_rest (f : state -> res (Z * state)) : Prop := forall s r u, f s = Ok (r, u) -> stands s u.
Lemma rest_bind f g : leaves_rest f -> (forall r, leaves_rest (g r)) -> leaves_rest (fun s => let* (r, s) := f s in g r s).
Proof.
  intros F G s r u E. destruct (f s) as [[x w]| |] eqn:X; try discriminate E. cbn [bind] in E. exact (stands_trans _ _ _ (F _ _ _ X) (G x _ _ _ E)).
Qed.
Lemma rest_ok r g : (forall s, stands s (g s)) -> leaves_rest (fun s => Ok (r, g s)).
Proof. intros G s x u E. injection E as <- <-. apply G. Qed.

(* One more change. *)
Lemma and_cell s t n i x : stands s t -> existsb (String.eqb n) share_writes = true -> stands s (setcell n i x t).
Proof. intros S N. exact (stands_trans _ _ _ S (stands_cell n i x t N)). Qed.
Lemma and_record s t f a : stands s t -> stands s (record f a t).
Proof. intros S. exact (stands_trans _ _ _ S (stands_record f a t)). Qed.
Lemma and_maps s t a b l x : stands s t -> stands s (with_maps t a b l x).
Proof. intros S. exact (stands_trans _ _ _ S (stands_maps t a b l x)). Qed.
Lemma and_zero s t n p : stands s t -> stands s (zero n p t).
Proof. intros S. exact (stands_trans _ _ _ S (stands_zero n p t)). Qed.
Lemma and_count s t b i n : stands s t -> stands s (map_count b t i n).
Proof. intros S. exact (stands_trans _ _ _ S (stands_count b i n t)). Qed.
Ltac stands_ :=
  repeat first [ assumption | apply stands_refl | apply and_record | apply and_zero | apply and_count
               | (apply and_cell; [|reflexivity]) | apply and_maps ].

Lemma rest_alloc v : leaves_rest (h_pool_alloc [v]).
Proof.
  intros s r u. unfold h_pool_alloc, s_pool_alloc. destruct (_ && _); [|discriminate]. destruct (exhausted s v).
  { destruct (_ || _); [|discriminate]. intros E. injection E as <- <-. apply stands_refl. }
  set (t := setcell "vm_tables" _ _ _). destruct (_ || _); [|discriminate]. intros E. injection E as <- <-. unfold t, pool_take. clear t.
  apply and_zero, and_cell; [|reflexivity]. destruct ((v =? 0) && _), (negb (cell s "pool_head" 0 =? 0)); stands_.
Qed.
Lemma rest_clear v i l : leaves_rest (h_s2_clear [v; i; l]).
Proof.
  intros s r u. unfold h_s2_clear. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-.
  destruct (_ =? 0); unfold set_leaf; stands_.
Qed.
Lemma rest_split v i : leaves_rest (h_s2_split [v; i]).
Proof.
  intros s r u. unfold h_s2_split. destruct (_ && _); [|discriminate]. destruct (h_pool_alloc [v] s) as [[pa t]| |] eqn:A; try discriminate.
  apply rest_alloc in A. destruct (pa =? 0); intros E; injection E as <- <-; [exact A|].
  unfold set_tab, split_leaves, set_table. stands_.
Qed.
Lemma rest_level v i : leaves_rest (h_s2_level [v; i]).
Proof. intros s r u. unfold h_s2_level. destruct (stage2_ok _ _ _); [|discriminate]. intros E. injection E as <- <-. apply stands_refl. Qed.
Lemma rest_load v i l : leaves_rest (h_s2_load [v; i; l]).
Proof. intros s r u. unfold h_s2_load. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-. apply stands_refl. Qed.
Lemma rest_if (b : bool) f g : leaves_rest f -> leaves_rest g -> leaves_rest (fun s => if b then f s else g s).
Proof. destruct b; auto. Qed.
Lemma rest_prepare_unmap p : leaves_rest (s_host_prepare_unmap [p]).
Proof.
  unfold s_host_prepare_unmap. apply rest_bind; [apply rest_level|]. intros l. apply rest_bind; [apply rest_load|]. intros e.
  apply rest_if; [apply rest_split|]. apply rest_ok, stands_refl.
Qed.
Lemma rest_unmap p : leaves_rest (s_host_unmap [p]).
Proof.
  unfold s_host_unmap. apply rest_bind; [apply rest_level|]. intros l. apply rest_if; [|apply rest_ok, stands_refl].
  apply rest_bind; [apply rest_clear|]. intros e. apply rest_ok, stands_refl.
Qed.
Lemma rest_count b i n : leaves_rest (s_pages_map b [i; n]).
Proof. intros s r u. unfold s_pages_map. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-. apply stands_count. Qed.
Lemma rest_reclaim v p : leaves_rest (s_page_reclaim [v; p]).
Proof.
  intros s r u. unfold s_page_reclaim. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-.
  unfold Transfer.reclaim, bump, scrub. stands_.
Qed.
Lemma rest_release v e l : leaves_rest (s_leaf_release [v; e; l]).
Proof.
  intros s r u. unfold s_leaf_release, leaf_release. destruct (_ && _); [|discriminate]. destruct (_ || _); [|discriminate]. destruct (_ && _).
  - destruct (s_page_reclaim _ s) as [[x t]| |] eqn:X; try discriminate. cbn [bind]. intros E. injection E as <- <-. exact (rest_reclaim _ _ _ _ _ X).
  - destruct (negb (_ =? NO_PAGE)).
    + destruct (s_pages_map _ _ s) as [[x t]| |] eqn:X; try discriminate. cbn [bind]. destruct (held t); [|discriminate].
      intros E. injection E as <- <-. apply rest_count in X. unfold bump. stands_.
    + cbn [bind]. destruct (held s); [|discriminate]. intros E. injection E as <- <-. unfold bump. stands_.
Qed.
Lemma rest_drop v i l : leaves_rest (s_leaf_drop [v; i; l]).
Proof.
  unfold s_leaf_drop. apply rest_bind; [apply rest_clear|]. intros e. apply rest_if; [apply rest_ok, stands_refl|].
  apply rest_bind; [apply rest_release|]. intros x. apply rest_ok, stands_refl.
Qed.
Lemma rest_share i p : leaves_rest (s_page_share [i; p]).
Proof.
  intros s r u. unfold s_page_share, page_share. destruct (_ && _); [|discriminate].
  destruct (s_pages_map _ _ _) as [[x t]| |] eqn:X; try discriminate. cbn [bind]. destruct (held t); [|discriminate]. intros E. injection E as <- <-.
  apply rest_count in X. unfold bump. apply and_cell; [|reflexivity]. apply (stands_trans _ _ _ (stands_trans _ _ _ (stands_record _ _ s) (stands_cell "page_owner" i OWNER_HOST _ eq_refl)) X).
Qed.
Lemma rest_unshare v p : leaves_rest (s_page_unshare [v; p]).
Proof.
  intros s r u. unfold s_page_unshare, page_unshare. destruct (_ && _); [|discriminate]. destruct (negb _).
  { intros E. injection E as <- <-. apply stands_refl. }
  destruct (s_host_prepare_unmap _ s) as [[x t]| |] eqn:X; try discriminate. cbn [bind]. apply rest_prepare_unmap in X. destruct (negb _).
  { intros E. injection E as <- <-. exact X. }
  destruct (s_host_unmap _ t) as [[y w]| |] eqn:Y; try discriminate. cbn [bind]. apply rest_unmap in Y. pose proof (stands_trans _ _ _ X Y) as S.
  destruct (_ && _); [|discriminate]. destruct (s_pages_map _ _ _) as [[z a]| |] eqn:Z; try discriminate. cbn [bind]. apply rest_count in Z.
  destruct (held a); [|discriminate]. intros E. injection E as <- <-. unfold bump. apply and_record, and_cell; [|reflexivity].
  apply (stands_trans _ _ _ (stands_trans _ _ _ S (stands_cell "page_owner" _ v w eq_refl)) Z).
Qed.
Lemma rest_ask v i k : leaves_rest (s_mem_ask [v; i; k]).
Proof.
  unfold s_mem_ask, mem_ask. apply rest_bind; [apply rest_level|]. intros l. apply rest_bind; [apply rest_load|]. intros e.
  apply rest_if; [apply rest_ok, stands_refl|]. apply rest_if.
  { apply rest_bind; [apply rest_drop|]. intros x. apply rest_ok, stands_refl. }
  intros s r u. destruct (_ && _); [|discriminate]. destruct (k =? _); [destruct (_ =? v)|destruct (negb _)].
  - intros E. injection E as <- <-. apply stands_refl.
  - apply rest_unshare.
  - intros E. injection E as <- <-. apply stands_refl.
  - destruct (s_page_share _ s) as [[x t]| |] eqn:X; try discriminate. cbn [bind]. intros E. injection E as <- <-. exact (rest_share _ _ _ _ _ X).
Qed.

Theorem guest_mem_stands v i k s r u : s_guest_mem [v; i; k] s = Ok (r, u) -> stands s u.
Proof.
  unfold s_guest_mem. destruct (nth_vm v); [|discriminate]. destruct (_ || _); [intros E; injection E as <- <-; apply stands_refl|].
  unfold section. destruct (negb (held s)) eqn:H; [|discriminate]. apply negb_true_iff in H.
  destruct (s_mem_ask _ _) as [[x t]| |] eqn:X; try discriminate. cbn [bind]. destruct (held t); [|discriminate]. intros E. injection E as <- <-.
  apply rest_ask in X. destruct X as [A B _ C]. split; auto.
Qed.
