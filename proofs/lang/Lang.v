(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Meaning of the restricted C.  A layer gives a meaning to every function that code may call; [exec]
 * runs a statement over a layer, [link] puts a module on top of one.  [denote] is the same code as a
 * tree of calls, for the machines with many CPUs; [run_denote] says that both agree.
 *)
From Coq Require Export Lia Bool.
From KCore Require Export lang.Syntax.
Open Scope Z_scope.

(* ------------------------------------------------------------------ results *)

(* Halt stops the machine for good and is safe.  Stuck is undefined: a shift too far, a division by
   zero, a local that was never assigned, a broken precondition of a primitive. *)
Inductive res (A : Type) := Ok (a : A) | Halt | Stuck.
Arguments Ok {A} _. Arguments Halt {A}. Arguments Stuck {A}.

Definition bind {A B} (m : res A) (f : A -> res B) : res B :=
  match m with Ok a => f a | Halt => Halt | Stuck => Stuck end.
Notation "'let*' p ':=' m 'in' k" :=
  (bind m (fun p => k)) (at level 61, p pattern, m at next level, right associativity).
(* The precondition of a specification. *)
Notation "'pre' b 'in' k" := (if b then k else Stuck)
  (at level 61, b at next level, right associativity).

(* -------------------------------------------------------------- expressions *)

Definition modulus (t : ity) : Z := match t with U32 => 4294967296 | U64 => 18446744073709551616 end.
Definition bits (t : ity) : Z := match t with U32 => 32 | U64 => 64 end.
Definition wrap (t : ity) (z : Z) : Z := z mod modulus t.
Definition b2z (b : bool) : Z := if b then 1 else 0.

Definition eval_bin (o : binop) (t : ity) (a b : Z) : option Z :=
  match o with
  | Add => Some (wrap t (a + b))
  | Sub => Some (wrap t (a - b))
  | Mul => Some (wrap t (a * b))
  | Div => if b =? 0 then None else Some (a / b)
  | Mod => if b =? 0 then None else Some (a mod b)
  | And => Some (Z.land a b)
  | Or => Some (Z.lor a b)
  | Xor => Some (Z.lxor a b)
  | Shl => if b <? bits t then Some (wrap t (Z.shiftl a b)) else None
  | Shr => if b <? bits t then Some (Z.shiftr a b) else None
  end.

Definition eval_cmp (o : cmpop) (a b : Z) : bool :=
  match o with
  | Lt => a <? b | Le => a <=? b | Gt => b <? a | Ge => b <=? a
  | Eq => a =? b | Ne => negb (a =? b)
  end.

(* A local that has not been assigned is None. *)
Definition env := list (option Z).
Definition getv (e : env) (x : nat) : option Z := nth x e None.

Fixpoint setv (e : env) (x : nat) (v : Z) : env :=
  match e, x with
  | [], _ => []
  | _ :: r, O => Some v :: r
  | w :: r, S y => w :: setv r y v
  end.

Definition obind {A B} (m : option A) (f : A -> option B) : option B :=
  match m with Some a => f a | None => None end.

Definition truth (z : Z) : bool := negb (z =? 0).

Fixpoint eval (e : env) (x : expr) : option Z :=
  match x with
  | EConst z => Some z
  | EVar v => getv e v
  | ELNot a => obind (eval e a) (fun v => Some (b2z (negb (truth v))))
  | EBNot t a => obind (eval e a) (fun v => Some (modulus t - 1 - v))
  | EBin o t a b => obind (eval e a) (fun v => obind (eval e b) (fun w => eval_bin o t v w))
  | ECmp o a b => obind (eval e a) (fun v => obind (eval e b) (fun w => Some (b2z (eval_cmp o v w))))
  | ELAnd a b => obind (eval e a) (fun v =>
      if truth v then obind (eval e b) (fun w => Some (b2z (truth w))) else Some 0)
  | ELOr a b => obind (eval e a) (fun v =>
      if truth v then Some 1 else obind (eval e b) (fun w => Some (b2z (truth w))))
  | ECond c a b => obind (eval e c) (fun v => if truth v then eval e a else eval e b)
  | ECast t a => obind (eval e a) (fun v => Some (wrap t v))
  end.

Fixpoint evals (e : env) (xs : list expr) : option (list Z) :=
  match xs with
  | [] => Some []
  | x :: r => obind (eval e x) (fun v => obind (evals e r) (fun vs => Some (v :: vs)))
  end.

(* --------------------------------------------------------------- statements *)

Definition prim (St : Type) := list Z -> St -> res (Z * St).
Definition layer (St : Type) := string -> prim St.

(* How a statement ends: it goes on, or it returns from the function (void functions return 0). *)
Inductive out := ONext | ORet (v : Z).

Definition put (x : option nat) (e : env) (v : Z) : env :=
  match x with Some y => setv e y v | None => e end.

(* Iterations of for (x = a; x < b; x += step). *)
Definition trips (a b step : Z) : nat := Z.to_nat ((b - a + (step - 1)) / step).

(* Start, bound and number of iterations; None if the counter would pass the top of its type. *)
Definition loop_range (e : env) (t : ity) (a b : expr) (step : Z) : option (Z * nat) :=
  obind (eval e a) (fun v => obind (eval e b) (fun w =>
    if (1 <=? step) && (v + Z.of_nat (trips v w step) * step <? modulus t)
    then Some (v, trips v w step) else None)).

Section Exec.
  Context {St : Type} (L : layer St).

  Definition conf := (out * env * St)%type.

  Fixpoint iter (n : nat) (x : nat) (i step : Z) (body : env -> St -> res conf)
      (e : env) (s : St) : res conf :=
    match n with
    | O => Ok (ONext, setv e x i, s)
    | S m =>
        match body (setv e x i) s with
        | Ok (ONext, e', s') => iter m x (i + step) step body e' s'
        | r => r
        end
    end.

  Fixpoint exec (c : stmt) (e : env) (s : St) : res conf :=
    match c with
    | SSkip => Ok (ONext, e, s)
    | SAssign x a =>
        match eval e a with Some v => Ok (ONext, setv e x v, s) | None => Stuck end
    | SCall x f args =>
        match evals e args with
        | Some vs => let* (v, s') := L f vs s in Ok (ONext, put x e v, s')
        | None => Stuck
        end
    | SSeq a b =>
        match exec a e s with Ok (ONext, e', s') => exec b e' s' | r => r end
    | SIf c a b =>
        match eval e c with
        | Some v => if truth v then exec a e s else exec b e s
        | None => Stuck
        end
    | SFor x t a b step body =>
        match loop_range e t a b step with
        | Some (i, n) => iter n x i step (exec body) e s
        | None => Stuck
        end
    | SReturn None => Ok (ORet 0, e, s)
    | SReturn (Some a) =>
        match eval e a with Some v => Ok (ORet v, e, s) | None => Stuck end
    end.

  Definition result (r : res conf) : res (Z * St) :=
    match r with
    | Ok (ONext, _, s) => Ok (0, s)
    | Ok (ORet v, _, s) => Ok (v, s)
    | Halt => Halt
    | Stuck => Stuck
    end.

  Definition frame (f : fundef) (args : list Z) : env :=
    map Some args ++ repeat None (List.length (fn_vars f) - fn_params f).

  Definition run (f : fundef) : prim St := fun args s =>
    if Nat.eqb (List.length args) (fn_params f)
    then result (exec (fn_body f) (frame f args) s) else Stuck.
End Exec.

Definition add {St} (L : layer St) (f : string) (p : prim St) : layer St :=
  fun g => if String.eqb g f then p else L g.

(* Each function runs over what is below it: calls that go up or in circles have no meaning. *)
Fixpoint link {St} (L : layer St) (M : modul) : layer St :=
  match M with
  | [] => L
  | (f, d) :: r => link (add L f (run L d)) r
  end.

Lemma link_app {St} (L : layer St) M N : link L (M ++ N) = link (link L M) N.
Proof. revert L; induction M as [|[f d] M IH]; intros L; simpl; auto. Qed.

Fixpoint find {A} (f : string) (l : list (string * A)) : option A :=
  match l with
  | [] => None
  | (g, a) :: r => if String.eqb f g then Some a else find f r
  end.

(* What a module does not define passes through. *)
Lemma link_other {St} (L : layer St) M f : find f M = None -> link L M f = L f.
Proof.
  revert L; induction M as [|[g d] M IH]; intros L; simpl; auto.
  destruct (String.eqb f g) eqn:E; [discriminate|]. intros H.
  rewrite IH by exact H. unfold add. rewrite E. reflexivity.
Qed.

(* -------------------------------------------------------------------- trees *)

(* Code as the calls it makes: what a scheduler interleaves. *)
Inductive tree (A : Type) :=
| TRet (a : A)
| TDo (f : string) (args : list Z) (k : Z -> tree A)
| TFail.
Arguments TRet {A} _. Arguments TDo {A} _ _ _. Arguments TFail {A}.

Fixpoint tbind {A B} (t : tree A) (k : A -> tree B) : tree B :=
  match t with
  | TRet a => k a
  | TDo f args r => TDo f args (fun v => tbind (r v) k)
  | TFail => TFail
  end.

Fixpoint titer (n x : nat) (i step : Z) (body : env -> tree (out * env)) (e : env) : tree (out * env) :=
  match n with
  | O => TRet (ONext, setv e x i)
  | S m => tbind (body (setv e x i)) (fun r =>
      match r with (ONext, e') => titer m x (i + step) step body e' | r => TRet r end)
  end.

Fixpoint denote (c : stmt) (e : env) : tree (out * env) :=
  match c with
  | SSkip => TRet (ONext, e)
  | SAssign x a => match eval e a with Some v => TRet (ONext, setv e x v) | None => TFail end
  | SCall x f args =>
      match evals e args with Some vs => TDo f vs (fun v => TRet (ONext, put x e v)) | None => TFail end
  | SSeq a b => tbind (denote a e) (fun r => match r with (ONext, e') => denote b e' | r => TRet r end)
  | SIf c a b =>
      match eval e c with Some v => if truth v then denote a e else denote b e | None => TFail end
  | SFor x t a b step body =>
      match loop_range e t a b step with
      | Some (i, n) => titer n x i step (denote body) e
      | None => TFail
      end
  | SReturn None => TRet (ORet 0, e)
  | SReturn (Some a) => match eval e a with Some v => TRet (ORet v, e) | None => TFail end
  end.

Definition code (f : fundef) (args : list Z) : tree Z :=
  if Nat.eqb (List.length args) (fn_params f)
  then tbind (denote (fn_body f) (frame f args)) (fun r =>
    match r with (ONext, _) => TRet 0 | (ORet v, _) => TRet v end)
  else TFail.

Fixpoint run_tree {St A} (L : layer St) (t : tree A) (s : St) : res (A * St) :=
  match t with
  | TRet a => Ok (a, s)
  | TDo f args k => match L f args s with
                    | Ok (v, s') => run_tree L (k v) s' | Halt => Halt | Stuck => Stuck
                    end
  | TFail => Stuck
  end.

(* Replace the calls of one function by its code. *)
Fixpoint inline (g : string) (d : fundef) {A} (t : tree A) : tree A :=
  match t with
  | TRet a => TRet a
  | TDo f args k =>
      if String.eqb f g then tbind (code d args) (fun v => inline g d (k v))
      else TDo f args (fun v => inline g d (k v))
  | TFail => TFail
  end.

Lemma run_tbind {St A B} (L : layer St) (t : tree A) (k : A -> tree B) s :
  run_tree L (tbind t k) s =
  match run_tree L t s with Ok (a, s') => run_tree L (k a) s' | Halt => Halt | Stuck => Stuck end.
Proof.
  revert s; induction t as [a|f args r IH|]; intros s; simpl; auto.
  destruct (L f args s) as [[v s']| |]; auto.
Qed.

Definition flat {St} (r : res (out * env * St)) : res ((out * env) * St) :=
  match r with Ok (o, e, s) => Ok ((o, e), s) | Halt => Halt | Stuck => Stuck end.

Lemma run_denote {St} (L : layer St) c : forall e s, run_tree L (denote c e) s = flat (exec L c e s).
Proof.
  induction c as [|x a|x f args|a IHa b IHb|c a IHa b IHb|x t a b step body IH|[a|]];
    intros e s; simpl; auto.
  - destruct (eval e a); reflexivity.
  - destruct (evals e args); [|reflexivity]. simpl. destruct (L f l s) as [[v s']| |]; reflexivity.
  - rewrite run_tbind, IHa. destruct (exec L a e s) as [[[[|v] e'] s']| |]; simpl; auto.
  - destruct (eval e c) as [v|]; [|reflexivity]. destruct (truth v); auto.
  - destruct (loop_range e t a b step) as [[i n]|]; [|reflexivity].
    revert i e s; induction n as [|n IHn]; intros i e s; simpl; [reflexivity|].
    rewrite run_tbind, IH.
    destruct (exec L body (setv e x i) s) as [[[[|v] e'] s']| |]; simpl; auto.
  - destruct (eval e a); reflexivity.
Qed.

Lemma run_code {St} (L : layer St) d args s : run_tree L (code d args) s = run L d args s.
Proof.
  unfold code, run. destruct (Nat.eqb _ _); [|reflexivity].
  rewrite run_tbind, run_denote.
  destruct (exec L (fn_body d) (frame d args) s) as [[[[|v] e'] s']| |]; reflexivity.
Qed.

(* Linking is inlining: the whole core becomes one tree over the trusted primitives. *)
Theorem run_inline {St A} (L : layer St) g d (t : tree A) s :
  run_tree L (inline g d t) s = run_tree (add L g (run L d)) t s.
Proof.
  revert s; induction t as [a|f args k IH|]; intros s; simpl; auto.
  unfold add at 1. destruct (String.eqb f g).
  - rewrite run_tbind, run_code. destruct (run L d args s) as [[v s']| |]; auto.
  - simpl. destruct (L f args s) as [[v s']| |]; auto.
Qed.

Definition inline_all {A} (M : modul) (t : tree A) : tree A :=
  fold_right (fun p => inline (fst p) (snd p)) t M.

Theorem run_inline_all {St A} M : forall (L : layer St) (t : tree A) s,
  run_tree L (inline_all M t) s = run_tree (link L M) t s.
Proof.
  induction M as [|[f d] M IH]; intros L t s; simpl; [reflexivity|].
  rewrite run_inline. apply IH.
Qed.
